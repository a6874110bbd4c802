/** The producer's first life ends by itself; the workers are steady. */
import { liveAsChild } from '../../../../src/service/supervise/life.js';
import { isFirstLife, startBeating, steady, traceLife } from './slot.js';

liveAsChild(async (role) => async (context) => {
  if (role === 'worker' || !isFirstLife(context)) return steady(context);
  traceLife(context);
  startBeating(context, { job: null, place: '' });
  process.kill(process.pid, 'SIGKILL');
});
