/** ingest-ctl backup FILE: a whole copy of the state, while everything goes on. */
import { statSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { refuseBytes } from '../base/arguments.js';
import type { Invocation } from '../base/config/read.js';
import { typed } from '../base/shell.js';
import { Progress } from '../base/telemetry/progress.js';
import { safeText, shownBytes } from '../base/telemetry/safe.js';
import { backUp, makingOf } from '../tools/backup/backup.js';
import { oneWord } from './ask.js';
import { print } from './console.js';
import { refuseUnusableState, stateFor } from './state.js';

export async function backup(invocation: Invocation): Promise<number> {
  const word = oneWord(invocation, 'a file');
  refuseBytes('FILE', word);
  const statePath = await stateFor(invocation);
  refuseUnusableState(statePath);
  const to = resolve(word);
  // The copy has no free pages: it is at most as large.
  const bytesAll = sizeOf(statePath);
  let isCopied = false;
  const progress = new Progress('ingest-ctl backup', () =>
    isCopied ? [] : [{ path: basename(to), bytes: sizeOf(makingOf(to)), of: bytesAll }],
  );
  progress.show({ files: 0, filesAll: 1, bytes: 0, bytesAll });
  const onCopied = () => {
    isCopied = true;
    const copied = sizeOf(makingOf(to));
    progress.show({ part: 'checking the copy', files: 1, filesAll: 1, bytes: copied, bytesAll: copied });
  };
  const bytes = await backUp(statePath, to, onCopied).finally(() => progress.end());
  print(
    safeText(
      `${statePath} is backed up to ${to} (${shownBytes(bytes)}). To restore: stop everything (the dashboard too), move ${statePath} and every ${statePath}-* away, copy the backup there, run ${typed('ingest-ctl rebuild')}.`,
    ),
  );
  return 0;
}

const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;
