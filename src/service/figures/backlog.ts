/**
 * When the files that wait now will be done, from the rate of the last minutes. Pure.
 * Guarantees: a time is named only where the last minutes carry it; else a sentence says why there is none. Files that may still
 * grow and held files are never in it: nobody knows when their writer or an operator is done with them.
 */
import type { Sample } from '../../../queue/index.js';
import { processedIn } from '../../base/telemetry/metrics.js';
import { rateOf } from './bins.js';

/** The rate is taken from these last minutes. */
export const ETA_FROM_MS = 300_000;
const LEAST_MS = 60_000;
/** The rates of both halves differ by at most this factor. */
const UNEVEN = 3;
const LONGEST_SECONDS = 86_400;

export interface Waiting {
  files: number;
  /** Undefined where bytes of held files are among them. */
  bytes: number | undefined;
  /** A gate closes the way of at least one of them. */
  isClosed: boolean;
}

export type Eta = { eta_seconds: number; eta_unknown: null } | { eta_seconds: null; eta_unknown: string };

const unknown = (why: string): Eta => ({ eta_seconds: null, eta_unknown: why });

/** `samples`: of the last `ETA_FROM_MS`, the last one is now. */
export function etaOf({ files, bytes, isClosed }: Waiting, samples: readonly Sample[]): Eta {
  if (files === 0) return { eta_seconds: 0, eta_unknown: null };
  if (isClosed) return unknown('a stage is paused, or a place fails');
  const points = samples.map(({ atMs, counts }) => ({ atMs, ...processedIn(counts) }));
  const toMs = points.at(-1)?.atMs ?? 0;
  const fromMs = Math.max(toMs - ETA_FROM_MS, points[0]?.atMs ?? toMs);
  if (toMs - fromMs < LEAST_MS) return unknown('files have been counted for less than a minute');
  const middleMs = (fromMs + toMs) / 2;
  const rate = rateOf(points, fromMs, toMs);
  const halves = [rateOf(points, fromMs, middleMs)?.files ?? 0, rateOf(points, middleMs, toMs)?.files ?? 0];
  if (rate === null || rate.files === 0) return unknown('no file was stored in the last minutes');
  if (Math.max(...halves) > UNEVEN * Math.min(...halves)) return unknown('the rate of the last minutes is too uneven');
  const byBytes = bytes === undefined || rate.bytes === 0 ? 0 : bytes / rate.bytes;
  const seconds = Math.max(files / rate.files, byBytes);
  if (seconds > LONGEST_SECONDS) return unknown('at the rate of the last minutes it takes longer than a day');
  return { eta_seconds: Math.ceil(seconds), eta_unknown: null };
}
