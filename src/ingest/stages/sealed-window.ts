/**
 * The rules for a file inside `underprocess/`: is it still as it was sealed, is somebody writing it, does a window run
 * there. Its uploader can only reach it by a descriptor from before the seal.
 */

import type { Probe } from '../../files/probe.js';
import type { Stat } from '../../linux/index.js';
import type { statEntry } from '../files/feed-files.js';
import { stabilityMs } from '../rules/completion.js';
import type { Sealed } from '../rules/facts.js';
import { identityOf } from '../rules/identity.js';
import { sameBytes, unchanged } from '../rules/verified.js';
import type { IngestJob } from './job.js';
import { type Batch, defer, hold, type Step, writerMs } from './stage.js';

/** A window that runs inside `underprocess/`. Answers the sealing as it stands after it, or the step to wait with. */
export function windowInside(
  job: IngestJob,
  batch: Batch,
  sealed: Sealed,
  stat: NonNullable<ReturnType<typeof statEntry>>,
): Sealed | Step {
  const { window, ...rest } = sealed;
  if (!window) return sealed;
  const now = batch.now();
  if (window.boot !== now.boot || !unchanged(window.identity, stat)) return again(job, batch, sealed, stat, 'window');
  const leftMs = window.sinceMs + stabilityMs(batch.feed) - now.ms;
  if (leftMs > 0) return defer(Math.ceil(leftMs), 'window');
  return { ...rest, identity: identityOf(stat) };
}

/** Undefined when the file is as it was sealed and nobody writes it. */
export function asSealed(job: IngestJob, batch: Batch, sealed: Sealed, probe: Probe): Step | undefined {
  if (probe.writer === 'writer') return again(job, batch, sealed, probe.stat, 'writer_open');
  if (!sameBytes(sealed.identity, probe.stat)) return again(job, batch, sealed, probe.stat, 'changed');
  if (probe.writer === 'unknown' && sealed.kind === 'lease') {
    return again(job, batch, { ...sealed, kind: 'copy', because: probe.because }, probe.stat, 'private_copy');
  }
  if (probe.stat.size === 0 && batch.feed.onEmpty === 'hold') {
    return hold(
      'empty_file',
      'the file is empty and --on-empty is hold: ingest-ctl discard it, or set --on-empty duplicate and ingest-ctl retry',
      { ...job.facts, sealed },
    );
  }
  return undefined;
}

/** The window runs (again) inside `underprocess/`. */
export function again(job: IngestJob, batch: Batch, sealed: Sealed, stat: Stat, why: string): Step {
  const identity = identityOf(stat);
  const now = batch.now();
  const refusals = why === 'writer_open' ? (job.facts.refusals ?? 0) + 1 : 0;
  const inMs = why === 'writer_open' ? writerMs(refusals) : stabilityMs(batch.feed);
  const window = { identity, sinceMs: now.ms, boot: now.boot, by: 'write' as const };
  const { sha256: _, ...facts } = job.facts;
  return defer(inMs, why, { ...facts, refusals, sealed: { ...sealed, window } }, { identity, bytes: stat.size });
}
