/** What a mirror works with, opened and claimed. Whatever is refused is refused before anything was changed. */
import { closeSync } from 'node:fs';
import { join } from 'node:path';
import { isWithin, realOrFuturePath, refuseOverlap, refuseWithin } from '../config/directories.js';
import { OperatorError } from '../errors.js';
import { errnoOf } from '../files/place-error.js';
import { shownName } from '../linux/index.js';
import type { Emit } from '../telemetry/emit.js';
import { Dest, lookAtDest } from './dest.js';
import { Compare } from './difference.js';
import { SourceMissing } from './failures.js';
import type { Marker } from './marker.js';
import { HIDDEN, Rules } from './rules.js';
import { destError, sourceError } from './sentences.js';
import { Source } from './source.js';
import { noTotals, type ReplicateOptions, type Totals } from './types.js';

export interface Opened {
  source: Source;
  dest: Dest;
  rules: Rules;
  compare: Compare;
  totals: Totals;
  emit: Emit;
  hiddenPath: string;
}

type Known = Pick<Marker, 'inode' | 'mounted' | 'mounts'>;

/** Both are looked at; nothing is changed. Errors: OperatorError, EnvironmentError. */
export function lookAtBoth(options: ReplicateOptions): { marker: Marker | undefined; known: Known; rules: Rules } {
  refuseOverlap({ origin: 'SOURCE', path: options.source }, { origin: 'DEST', path: options.dest });
  const { source, dest, adopt = false } = options;
  if (options.changeLog !== undefined) refuseLogInside(options.changeLog, source, dest);
  const marker = lookAtDest({ source, dest, adopt });
  let known: Known | undefined = marker;
  const place = new Source(source, marker, (changed) => {
    known = changed;
  });
  try {
    closeSync(place.open());
  } catch (error) {
    throw error instanceof SourceMissing ? sourceError(source, error.code) : error;
  }
  return { marker, known: known!, rules: new Rules(options) };
}

/** In SOURCE each of its own changes would be told to it again; in DEST it would be removed. */
function refuseLogInside(changeLog: string, source: string, dest: string): void {
  const log = { origin: '--change-log', path: realOrFuturePath(changeLog) };
  refuseWithin(log, { origin: 'SOURCE', path: source });
  if (!isWithin(log.path, join(dest, shownName(HIDDEN)))) refuseWithin(log, { origin: 'DEST', path: dest });
}

export async function openReplica(options: ReplicateOptions): Promise<Opened> {
  const { known, rules } = lookAtBoth(options);
  const { source, dest, adopt = false, emit = () => {} } = options;
  const claimed = await claim({ source, dest, adopt }, known);
  const remember = (changed: Known) => claimed.remember({ version: 1, source, ...pick(changed) });
  return {
    source: new Source(source, known, remember),
    dest: claimed,
    rules,
    compare: new Compare(claimed.stepNs),
    totals: noTotals(),
    emit,
    hiddenPath: join(dest, shownName(HIDDEN)),
  };
}

async function claim(wanted: { source: string; dest: string; adopt: boolean }, known: Known): Promise<Dest> {
  try {
    return await Dest.claim(wanted, pick(known));
  } catch (error) {
    const code = errnoOf(error);
    throw error instanceof OperatorError || code === undefined ? error : destError(wanted.dest, code);
  }
}

const pick = ({ inode, mounted, mounts }: Known): Known => ({ inode, mounted, mounts });
