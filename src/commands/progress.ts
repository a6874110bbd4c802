/** The status line of a terminal: a bar for --once, else what is under way and what is being waited for. */
import type { Progress } from '../base/process/protocol.js';
import { shownBytes, shownSeconds } from '../base/telemetry/safe.js';

const BAR = 24;

export type Totals = Pick<Progress, 'filesDone' | 'bytesDone'>;

/** `since`: what was there before this run; totals count from the making of the state. */
export function progressText(progress: Progress, since: Totals, once: boolean): string {
  const { filesLeft, filesPerSecond, held, closed, waiting, largest } = progress;
  const files = progress.filesDone - since.filesDone;
  const parts = [`${files} ${files === 1 ? 'file' : 'files'} in, ${shownBytes(progress.bytesDone - since.bytesDone)}`];
  if (filesLeft > 0) parts.push(`${filesLeft} under way`);
  if (filesPerSecond > 0) parts.push(`${Math.round(filesPerSecond)} files/s`);
  if (held > 0) parts.push(`${held} held`);
  for (const { stage, code } of closed) parts.push(`${stage} closed: ${code}`);
  // A narrow terminal cuts the end off: that is the end of a long name, never the time.
  if (largest) parts.push(`${readText(largest)}: ${largest.path}`);
  else if (waiting) parts.push(`${waitsFor(waiting)}: ${waiting.path}`);
  return once ? `${bar(files, files + filesLeft)} ${parts.join(', ')}` : parts.join(', ');
}

/** How much of it was read in its stage, and when that is done at the speed so far. */
function readText({ bytesDone, bytes, bytesPerSecond }: NonNullable<Progress['largest']>): string {
  const part = `${Math.floor((100 * Math.min(bytesDone, bytes)) / bytes)}% of ${shownBytes(bytes)}`;
  if (bytesPerSecond <= 0) return part;
  return `${part} at ${shownBytes(Math.round(bytesPerSecond))}/s, about ${shownSeconds((bytes - bytesDone) / bytesPerSecond)} left`;
}

/** The last words of a run on a terminal. `stopped`: before it was done, so what is left is worth a word. */
export function summaryText(progress: Progress, since: Totals, stopped: boolean): string {
  const files = progress.filesDone - since.filesDone;
  const held = progress.held > 0 ? `, ${progress.held} held` : '';
  const waits = progress.waits === '' ? '' : ` (${progress.waits})`;
  const left =
    stopped && progress.filesLeft > 0 ? `; ${progress.filesLeft} under way${waits}, the next start goes on` : '';
  return `${files} ${files === 1 ? 'file' : 'files'} (${shownBytes(progress.bytesDone - since.bytesDone)}) ingested or skipped as duplicates${held}${left}.`;
}

function waitsFor({ writer, seconds }: NonNullable<Progress['waiting']>): string {
  if (writer === 'growing') return 'still growing';
  return writer === 'open' ? 'still open for writing' : `complete in ${shownSeconds(seconds)} if it stays quiet`;
}

export function bar(done: number, all: number): string {
  const filled = all === 0 ? 0 : Math.floor((done / all) * BAR);
  return `[${'#'.repeat(filled)}${'.'.repeat(BAR - filled)}]`;
}
