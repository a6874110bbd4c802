/**
 * How far a large file was read: the position of the descriptor by which its worker reads it, or the child that takes it through a
 * chain, as /proc shows it.
 * Guarantees: costs the worker one call a chunk and the state nothing. Does not: read the positions of another user's process.
 */
import { readFileSync } from 'node:fs';
import type { Job, OwnerSlot } from '../../../queue/backend.js';
import { SMALL_BYTES } from '../../files/digest.js';
import { listed, openFiles, orNone } from '../../files/open-files.js';

/** Smaller files are read in one go, and have no position. */
export const LARGE_BYTES_MIN = SMALL_BYTES + 1;

/** By job: bytes that were read so far, of the large ones among `jobs`. */
export function readSoFar(jobs: readonly Job[], owners: readonly OwnerSlot[]): Map<string, number> {
  const found = new Map<string, number>();
  const large = jobs.filter(({ bytes }) => bytes >= LARGE_BYTES_MIN);
  for (const owner of new Set(large.map((job) => job.owner))) {
    const pid = owners.find((slot) => slot.owner === owner)?.pid;
    if (pid === undefined) continue;
    const wanted = new Set(large.filter((job) => job.owner === owner).map(({ id }) => id));
    for (const one of [pid, ...childrenOf(pid)])
      for (const [job, at] of positions(one, wanted)) found.set(job, Math.max(at, found.get(job) ?? 0));
  }
  return found;
}

/** proc(5): `children` of each thread. A kernel without it (CONFIG_PROC_CHILDREN) shows no progress of chains. */
const childrenOf = (pid: number): number[] =>
  listed(`/proc/${pid}/task`).flatMap((thread) => {
    const pids = orNone(() => readFileSync(`/proc/${pid}/task/${thread}/children`, 'latin1')) ?? '';
    return pids.split(' ').filter(Boolean).map(Number);
  });

/** Sealed files are named `JOB~PATH`. */
const SEALED = /\/([0-9A-HJKMNP-TV-Z]{26})~[^/]*(?: \(deleted\))?$/;

function* positions(pid: number, wanted: ReadonlySet<string>): Generator<[job: string, at: number]> {
  const jobOf = (path: string) => SEALED.exec(path)?.[1] ?? '';
  for (const { path, at } of openFiles(pid, (path) => wanted.has(jobOf(path)))) yield [jobOf(path), at];
}
