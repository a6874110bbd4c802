/** The first producer writes to a frozen filesystem after its first heartbeat, so SIGKILL does not end it. All others are steady. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { liveAsChild } from '../../../../src/service/supervise/life.js';
import { folderOf, isFirstLife, steady } from './slot.js';

liveAsChild(async (role) => async (context) => {
  if (role === 'worker' || !isFirstLife(context)) return steady(context);
  setTimeout(() => writeFileSync(join(folderOf(context), 'disk', 'file'), 'x'), 100);
  return steady(context);
});
