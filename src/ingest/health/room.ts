/** Free room on the disk of the state. Without it no process can record anything, so all work stops. */
import { statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { CATALOGUE } from '../../base/errors.js';
import { shownBytes } from '../../base/telemetry/safe.js';
import { type Finding, finding } from './finding.js';

/** Low means less than this. On a small disk it means less than a tenth. */
const LOW_BYTES = 256 << 20;
const LOW_PART = 0.1;
/** A large transaction would not fit. */
const FULL_BYTES = 1 << 20;

/** A state lies on a local disk, so this does not hang. */
export function roomOfState(statePath: string): {
  isLow: boolean;
  isFull: boolean;
  sentence: string;
  release: string;
} {
  const directory = dirname(statePath);
  const { bavail, blocks, bsize } = statfsSync(directory);
  const [free, size] = [bavail * bsize, blocks * bsize];
  const isLow = free < Math.min(LOW_BYTES, size * LOW_PART);
  const isFull = isLow && free < FULL_BYTES;
  const left = `${shownBytes(free)} of ${shownBytes(size)} left`;
  const sentence = isFull
    ? `The disk of the state (${directory}) is full, ${left}: no file goes on, and new ones are not noted.`
    : `The disk of the state (${directory}) has ${left}: nothing goes on when it is full.`;
  return { isLow, isFull, sentence, release: CATALOGUE.state_full!.hint };
}

export function roomFindings(statePath: string): Finding[] {
  const { isLow, sentence, release } = roomOfState(statePath);
  return isLow ? [finding('stuck', 'state_full', { sentence, release })] : [];
}
