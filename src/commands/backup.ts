/** ingest-ctl backup FILE: a whole copy of the state, while everything goes on. */

import { resolve } from 'node:path';
import { refuseBytes } from '../base/arguments.js';
import type { Invocation } from '../base/config/read.js';
import { typed } from '../base/shell.js';
import { safeText, shownBytes } from '../base/telemetry/safe.js';
import { backUp } from '../tools/backup/backup.js';
import { oneWord } from './ask.js';
import { print } from './console.js';
import { refuseUnusableState, stateFor } from './state.js';

export async function backup(invocation: Invocation): Promise<number> {
  const word = oneWord(invocation, 'a file');
  refuseBytes('FILE', word);
  const statePath = await stateFor(invocation);
  refuseUnusableState(statePath);
  const to = resolve(word);
  const bytes = backUp(statePath, to);
  print(
    safeText(
      `${statePath} is backed up to ${to} (${shownBytes(bytes)}). To restore: stop everything (the dashboard too), move ${statePath} and every ${statePath}-* away, copy the backup there, run ${typed('ingest-ctl rebuild')}.`,
    ),
  );
  return 0;
}
