/**
 * Looks now and then for what a crash can leave that no job would ever meet: appends of dead owners, files in
 * `underprocess/` without a job, temporary copies of ended claims, reservations of stored contents.
 * Guarantees: writes nothing when there is nothing to do.
 */
import { readdirSync } from 'node:fs';
import type { Backend } from '../../queue/backend.js';
import type { FeedFiles } from '../files/feed-files.js';
import { identityOf } from '../files/identity.js';
import { parseWorkName, UNDERPROCESS } from '../files/places.js';
import { type ByteName, joinNames, LinuxError, statAtOrNone, unlinkAt } from '../linux/index.js';
import { APPEND_COLUMNS, type Append } from '../manifest/append.js';
import { type Emit, isOrphan } from '../manifest/finish.js';
import { finishOpen } from '../manifest/write.js';
import { type JobFacts, payloadOf } from '../stages/job.js';
import { TEMPORARY } from '../warehouse/target.js';

export interface Reaped {
  backend: Backend;
  emit: Emit;
  feed: string;
  files: FeedFiles;
}

/** Redoes the appends of this feed that nobody living is writing. */
export async function redoAppends({ backend, emit, feed, files }: Reaped): Promise<void> {
  const open = backend.read((r) => r.all<Append>(`SELECT ${APPEND_COLUMNS} FROM appends WHERE feed = ?`, feed));
  for (const append of open) {
    // This process's own are being written just now, or were given back (owner 0).
    if (append.owner === backend.owner || !isOrphan(backend, append)) continue;
    const manifests = files.roots.manifests;
    if (!append.file.startsWith(`${manifests}/`)) {
      emit('append_unreachable', {
        feed,
        file: append.file,
        hint: `its manifests directory is not ${manifests} any more: start once with the old one`,
      });
      continue;
    }
    const path = append.file.slice(manifests.length + 1) as ByteName;
    await finishOpen({ backend, emit, feed, manifests, root: files.manifests, path }, append);
  }
}

/** Gives every file in `underprocess/` that names no living job a job of that name; removes partial copies. */
export async function adoptOrphans({ backend, emit, feed, files }: Reaped): Promise<number> {
  let adopted = 0;
  const work = files.work('' as ByteName);
  work.make(UNDERPROCESS, 0o700);
  for (const name of namesIn(work.directory(UNDERPROCESS))) {
    const found = parseWorkName(name);
    if (!found) continue;
    const job = backend.job(found.jobId);
    if (job && job.state !== 'done') continue;
    if (found.part === 'partial' || found.part === 'copy') {
      if (found.path !== undefined) remove(work.directory(UNDERPROCESS), name);
      continue;
    }
    if (found.part !== 'file') continue;
    const path = found.path ?? onlyPathBelow(work, joinNames(UNDERPROCESS, name));
    if (path === undefined) continue;
    if (await adopt(backend, feed, files, found.jobId, path)) {
      adopted++;
      emit('orphan_adopted', { feed, job: found.jobId, path });
    }
  }
  return adopted;
}

/** It goes on at `hash`, after a window there: nothing is known of it but its name. */
async function adopt(backend: Backend, feed: string, files: FeedFiles, id: string, path: ByteName): Promise<boolean> {
  const key = Buffer.from(path, 'latin1');
  const entry = files.workEntry({ id, key, inside: '' as ByteName }, 'file');
  const stat = entry && statAtOrNone(entry.dir, entry.name);
  if (stat?.kind !== 'file') return false;
  const identity = identityOf(stat);
  // A boot of no name: the window begins when the job is first looked at.
  const seen = { identity, sinceMs: 0, boot: '', by: 'scan' as const };
  const sidecar = files.workEntry({ id, key, inside: '' as ByteName }, 'sidecar');
  const facts: JobFacts = {
    seen,
    sealed: {
      identity,
      kind: 'lease',
      window: seen,
      ...(sidecar && statAtOrNone(sidecar.dir, sidecar.name) && { sidecar: true }),
    },
  };
  return backend.transact((tx) =>
    tx.adopt({ id, feed, key, identity, bytes: stat.size, stage: 'hash', payload: payloadOf(facts) }),
  );
}

/** Of a folder `JOBID~`, in which one path lies raw. */
function onlyPathBelow(work: { directory(path: ByteName): number }, folder: ByteName): ByteName | undefined {
  let at = folder;
  for (;;) {
    const [name] = namesIn(work.directory(at));
    if (name === undefined) return undefined;
    const stat = statAtOrNone(work.directory(at), name);
    at = joinNames(at, name);
    if (stat?.kind !== 'directory') return at.slice(folder.length + 1) as ByteName;
  }
}

/** Temporary copies in the warehouse that belong to no claim of now. */
export function removeTemporary({ backend, files }: Reaped): number {
  let dir: number;
  try {
    dir = files.warehouse.directory(TEMPORARY);
  } catch (error) {
    if (error instanceof LinuxError && error.code === 'ENOENT') return 0;
    throw error;
  }
  let removed = 0;
  for (const name of namesIn(dir)) {
    const [id, claimNo] = name.split('.') as [string, string | undefined];
    const job = backend.job(id);
    // Another state may share the warehouse: its jobs are unknown here, and its files are left alone.
    if (!job || (job.state === 'claimed' && String(job.claimNo) === claimNo)) continue;
    remove(dir, name);
    removed++;
  }
  return removed;
}

function remove(dir: number, name: ByteName): void {
  try {
    unlinkAt(dir, name);
  } catch (error) {
    if (!(error instanceof LinuxError) || error.code !== 'ENOENT') throw error;
  }
}

const namesIn = (dir: number): ByteName[] => readdirSync(`/proc/self/fd/${dir}`, 'latin1') as ByteName[];
