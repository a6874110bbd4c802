/** The producer dies once, and then finds the disk of the state full and a folder read-only, more often than a broken start is forgiven. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EnvironmentError } from '../../../../src/base/errors.js';
import { liveAsChild } from '../../../../src/service/supervise/life.js';
import { folderOf, isFirstLife, startBeating, steady, traceLife } from './slot.js';

liveAsChild(async (role) => async (context) => {
  if (role === 'worker') return steady(context);
  const first = isFirstLife(context);
  const lives = readFileSync(join(folderOf(context), 'lives'), { encoding: 'utf8', flag: 'a+' }).match(/^producer/gm);
  if (!first && lives!.length > 5) return steady(context);
  traceLife(context);
  if (!first && lives!.length > 3) throw new EnvironmentError('root_unusable', 'the folder is read-only');
  if (!first) throw new EnvironmentError('state_full', 'the disk of the state is full: free some space there.');
  startBeating(context, { job: null, place: '' });
  process.kill(process.pid, 'SIGKILL');
});
