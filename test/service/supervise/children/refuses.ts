/** The producer cannot go on (exit 3) a moment after it was ready; the workers are steady. */
import { EnvironmentError } from '../../../../src/base/errors.js';
import { liveAsChild } from '../../../../src/service/supervise/life.js';
import { startBeating, steady, traceLife } from './slot.js';

liveAsChild(async (role) => async (context) => {
  if (role === 'worker') return steady(context);
  traceLife(context);
  startBeating(context, { job: null, place: '' });
  throw new EnvironmentError('state_replaced', 'the state was replaced; stop everything that uses it.');
});
