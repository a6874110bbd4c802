/** How far `ingest` is: with --once until nothing is left, else until what came last is in. */
import type { Progress } from '../base/process/protocol.js';
import type { Work } from '../base/telemetry/progress.js';
import { shownBytes, shownSeconds } from '../base/telemetry/safe.js';

export type Totals = Pick<Progress, 'filesDone' | 'bytesDone'>;

/** `since`: what was there before this run; totals count from the making of the state. */
export function workOf(progress: Progress, since: Totals): Work {
  const { filesLeft, bytesLeft, bytesRead, held, closed, waiting, largest } = progress;
  const [files, bytes] = [progress.filesDone - since.filesDone, progress.bytesDone - since.bytesDone];
  return {
    files,
    filesAll: files + filesLeft,
    bytes: bytes + bytesRead,
    bytesAll: bytes + bytesLeft,
    file: largest,
    more: [
      ...(held > 0 ? [`${held} held`] : []),
      ...closed.map(({ stage, code }) => `${stage} closed: ${code}`),
      // The name is last: a narrow terminal cuts the end off.
      ...(waiting && !largest ? [`${waitsFor(waiting)}: ${waiting.path}`] : []),
    ],
  };
}

/** For a moment at which nothing is left. */
export const doneSince = ({ filesDone, bytesDone }: Progress, since: Totals): Work => ({
  part: 'done so far',
  files: filesDone - since.filesDone,
  bytes: bytesDone - since.bytesDone,
});

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
