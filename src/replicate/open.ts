/** What a mirror works with, opened and claimed. Whatever is refused is refused before anything was changed. */
import { closeSync } from 'node:fs';
import { join } from 'node:path';
import { isWithin, realOrFuturePath, refuseOverlap, refuseWithin } from '../config/directories.js';
import { OperatorError } from '../errors.js';
import { errnoOf } from '../files/place-error.js';
import { shownName } from '../linux/index.js';
import type { Emit } from '../telemetry/emit.js';
import { Dest, hasContent, lookAtDest } from './dest.js';
import { Compare } from './difference.js';
import { SourceMissing } from './failures.js';
import type { Marker, SourceSeen } from './marker.js';
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

/** Both are looked at; nothing is changed. Errors: OperatorError, EnvironmentError. */
export function lookAtBoth(options: ReplicateOptions): { seen: SourceSeen; rules: Rules } {
  refuseOverlap({ origin: 'SOURCE', path: options.source }, { origin: 'DEST', path: options.dest });
  const { source, dest, adopt = false } = options;
  if (options.changeLog !== undefined) refuseLogInside(options.changeLog, source, dest);
  const marker = lookAtDest({ source, dest, adopt });
  const rules = new Rules(options);
  try {
    const place = new Source(options, rules, marker && seenIn(marker));
    const fd = place.open();
    try {
      if ((options.delete ?? true) && hasContent(dest, rules)) place.refuseEmpty(fd);
    } finally {
      closeSync(fd);
    }
    return { seen: place.seen!, rules };
  } catch (error) {
    throw error instanceof SourceMissing ? sourceError(source, error.code) : error;
  }
}

/** In SOURCE each of its own changes would be told to it again; in DEST it would be removed. */
function refuseLogInside(changeLog: string, source: string, dest: string): void {
  const log = { origin: '--change-log', path: realOrFuturePath(changeLog) };
  refuseWithin(log, { origin: 'SOURCE', path: source });
  if (!isWithin(log.path, join(dest, shownName(HIDDEN)))) refuseWithin(log, { origin: 'DEST', path: dest });
}

export async function openReplica(options: ReplicateOptions): Promise<Opened> {
  const { seen, rules } = lookAtBoth(options);
  const { source, dest, adopt = false, emit = () => {} } = options;
  const claimed = await claim({ source, dest, adopt }, seen);
  return {
    source: new Source(options, rules, seen, (now) => claimed.remember({ ...now, version: 1, source })),
    dest: claimed,
    rules,
    compare: new Compare(claimed.stepNs),
    totals: noTotals(),
    emit,
    hiddenPath: join(dest, shownName(HIDDEN)),
  };
}

async function claim(wanted: { source: string; dest: string; adopt: boolean }, seen: SourceSeen): Promise<Dest> {
  try {
    return await Dest.claim(wanted, seen);
  } catch (error) {
    const code = errnoOf(error);
    throw error instanceof OperatorError || code === undefined ? error : destError(wanted.dest, code);
  }
}

const seenIn = ({ version: _version, source: _source, ...seen }: Marker): SourceSeen => seen;
