/** The thread that copies the state of a backup (src/tools/backup/backup.ts starts it): SQLite does so in one call. */
import { parentPort, workerData } from 'node:worker_threads';
import { asOperatorError } from '../base/errors.js';
import { sayLoaded } from '../base/process/threads.js';
import { copyState } from '../ingest/ledger/open-state.js';
import type { Copying, Said } from '../tools/backup/backup.js';

const say = (said: Said) => parentPort!.postMessage(said);
const { from, to } = workerData as Copying;
try {
  copyState(from, to, () => say('copied'));
} catch (error) {
  const known = asOperatorError(error);
  if (!known) throw error;
  const { code, message } = known;
  say({ code, message });
} finally {
  sayLoaded();
}
