/**
 * How far a large file was read: the position of the descriptor by which its worker reads it, or the child that takes it through a
 * chain, as /proc shows it.
 * Guarantees: costs the worker one call a chunk and the state nothing. Does not: read the positions of another user's process.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { Job, OwnerSlot } from '../../../queue/backend.js';

/** Smaller files are read before anybody asks how far. */
export const LARGE_BYTES_MIN = 16 << 20;

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
function* positions(pid: number, wanted: ReadonlySet<string>): Generator<[job: string, at: number]> {
  for (const fd of listed(`/proc/${pid}/fd`)) {
    const path = orNone(() => readlinkSync(`/proc/${pid}/fd/${fd}`)) ?? '';
    const [, job] = /\/([0-9A-HJKMNP-TV-Z]{26})~[^/]*(?: \(deleted\))?$/.exec(path) ?? [];
    if (job === undefined || !wanted.has(job)) continue;
    const info = orNone(() => readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'latin1')) ?? '';
    const at = /^pos:\s+(\d+)/.exec(info)?.[1];
    if (at !== undefined) yield [job, Number(at)];
  }
}

const listed = (directory: string): string[] => orNone(() => readdirSync(directory)) ?? [];

/** A process ends, or closes its file, at any moment; another user's process cannot be read. */
function orNone<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
