/** The status line of a terminal: a bar for --once, else what is under way and what is being waited for. */
import type { Progress } from '../supervise/protocol.js';
import { shownBytes, shownSeconds } from '../telemetry/safe.js';

const BAR = 24;

export function progressText(progress: Progress, once: boolean): string {
  const { filesDone, bytesDone, filesLeft, filesPerSecond, held, waiting } = progress;
  const parts = [`${filesDone} files`, shownBytes(bytesDone)];
  if (filesPerSecond > 0) parts.push(`${Math.round(filesPerSecond)} files/s`);
  if (filesLeft > 0) parts.push(`${filesLeft} under way`);
  if (held > 0) parts.push(`${held} held`);
  if (waiting) parts.push(`${waiting.path} waits, its window ends in ${shownSeconds(waiting.seconds)}`);
  return once ? `${bar(filesDone, filesDone + filesLeft)} ${parts.join(', ')}` : parts.join(', ');
}

function bar(done: number, all: number): string {
  const filled = all === 0 ? BAR : Math.floor((done / all) * BAR);
  return `[${'#'.repeat(filled)}${'.'.repeat(BAR - filled)}]`;
}
