/** The producer finds a state of a newer version a moment after it was ready; the workers are steady. */
import { EnvironmentError } from '../../../../src/base/errors.js';
import { liveAsChild } from '../../../../src/service/supervise/life.js';
import { startBeating, steady, traceLife } from './slot.js';

liveAsChild(async (role) => async (context) => {
  if (role === 'worker') return steady(context);
  traceLife(context);
  startBeating(context, { job: null, place: '' });
  throw new EnvironmentError('newer_database', 'the state was written by a newer version of this program.');
});
