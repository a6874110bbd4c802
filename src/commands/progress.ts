/** The status line of a terminal: a bar for --once, else what is under way and what is being waited for. */
import type { Progress } from '../supervise/protocol.js';
import { shownBytes, shownSeconds } from '../telemetry/safe.js';

const BAR = 24;

/** `since`: the first report of this run; totals count from the making of the state. */
export function progressText(progress: Progress, since: Progress, once: boolean): string {
  const { filesLeft, filesPerSecond, held, waiting } = progress;
  const files = progress.filesDone - since.filesDone;
  const parts = [`${files} ${files === 1 ? 'file' : 'files'} in, ${shownBytes(progress.bytesDone - since.bytesDone)}`];
  // A narrow terminal cuts the end off, so what a person waits for comes early.
  if (waiting) parts.push(`${waiting.path} is complete in ${shownSeconds(waiting.seconds)}`);
  if (filesLeft > 0) parts.push(`${filesLeft} under way`);
  if (filesPerSecond > 0) parts.push(`${Math.round(filesPerSecond)} files/s`);
  if (held > 0) parts.push(`${held} held`);
  return once ? `${bar(files, files + filesLeft)} ${parts.join(', ')}` : parts.join(', ');
}

/** The last words of a run on a terminal. */
export function summaryText(progress: Progress, since: Progress): string {
  const files = progress.filesDone - since.filesDone;
  const held = progress.held > 0 ? `, ${progress.held} held` : '';
  return `${files} ${files === 1 ? 'file' : 'files'} (${shownBytes(progress.bytesDone - since.bytesDone)}) ingested or skipped as duplicates${held}.`;
}

export function bar(done: number, all: number): string {
  const filled = all === 0 ? BAR : Math.floor((done / all) * BAR);
  return `[${'#'.repeat(filled)}${'.'.repeat(BAR - filled)}]`;
}
