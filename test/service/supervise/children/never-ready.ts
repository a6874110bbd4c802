/** A bug at every start. */
import { liveAsChild } from '../../../../src/service/supervise/life.js';
import { traceLife } from './slot.js';

liveAsChild(async () => async (context) => {
  traceLife(context);
  throw new Error('a bug of the test');
});
