/** The first producer brings a state up to date for longer than --stall-seconds, and hears and says nothing meanwhile. */
import { liveAsChild } from '../../../../src/service/supervise/life.js';
import { steady } from './slot.js';

liveAsChild(async (role) => async (context) => {
  context.report({ kind: 'migrates' });
  if (role === 'producer') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 8_000);
  return steady(context);
});
