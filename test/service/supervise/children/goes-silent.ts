/** The first producer stops itself after its first heartbeat, like a frozen process. The workers are steady. */
import { liveAsChild } from '../../../../src/service/supervise/life.js';
import { forEver, isFirstLife, startBeating, steady, traceLife } from './slot.js';

liveAsChild(async (role) => async (context) => {
  if (role === 'worker' || !isFirstLife(context)) return steady(context);
  traceLife(context);
  startBeating(context, { job: '01STUCK', place: '' });
  process.kill(process.pid, 'SIGSTOP');
  await forEver();
});
