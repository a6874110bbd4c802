/** All write heartbeats, and none ends when it is asked to. Each has its job in progress in its slot. A stop clears it. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { liveAsChild } from '../../../../src/service/supervise/life.js';
import { folderOf, forEver, roleOf, startBeating, traceLife } from './slot.js';

liveAsChild(async () => async (context) => {
  traceLife(context);
  startBeating(context, { job: '01JOBINHAND', place: '/mnt/warehouse' });
  context.onStop(() => writeFileSync(join(folderOf(context), `cleared-${roleOf(context)}`), ''));
  await forEver();
});
