/**
 * Repairs from time to time the traces of a crash that belong to no job: appends of dead owners, files in `underprocess/`
 * without a job, temporary copies of ended claims.
 * Guarantees: writes nothing when there is nothing to do.
 */
import { readdirSync } from 'node:fs';
import type { Backend, Job } from '../../../queue/backend.js';
import { folderOf, UNDERPROCESS } from '../../files/job-paths.js';
import { inPlace } from '../../files/place-error.js';
import { type ByteName, bytesOfName, LinuxError, type Stat, shownName, unlinkAt } from '../../linux/index.js';
import { judge } from '../evidence/table.js';
import { type FeedFiles, statEntry, type WorkKey } from '../files/feed-files.js';
import { sealedNames, whereIn } from '../files/sealed-names.js';
import { NO_SIDECAR, readSidecar } from '../files/sidecar.js';
import { APPEND_COLUMNS, type Append } from '../manifest/append.js';
import { type Emit, isOrphan } from '../manifest/finish.js';
import { finishOpen } from '../manifest/write.js';
import { outputPrefix } from '../outputs/recorded.js';
import { type JobFacts, payloadOf } from '../rules/facts.js';
import { identityOf } from '../rules/identity.js';
import { TEMPORARY } from '../warehouse/target.js';

export interface Reaped {
  backend: Backend;
  emit: Emit;
  feed: string;
  files: FeedFiles;
}

/** Writes again the appends of this feed that no living process writes. */
export async function redoAppends({ backend, emit, feed, files }: Reaped): Promise<void> {
  const open = backend.read((r) => r.all<Append>(`SELECT ${APPEND_COLUMNS} FROM appends WHERE feed = ?`, feed));
  for (const append of open) {
    // This process's own appends too: a line is planned with its hash, and its job may be in another process now, which waits for it.
    // An append that is being written at this moment has its turn, and is closed when that turn ends.
    if (!isOrphan(backend, append)) continue;
    const manifests = files.roots.manifests;
    if (!append.file.startsWith(`${manifests}/`)) {
      emit('append_unreachable', {
        feed,
        file: append.file,
        hint: `the manifests directory is now ${manifests}: start once with the old one`,
      });
      continue;
    }
    const path = append.file.slice(manifests.length + 1) as ByteName;
    await finishOpen({ backend, emit, feed, manifests, root: files.manifests, path }, append);
  }
}

/** Gives a job to every file in `underprocess/` whose job is gone; removes partial copies. */
export async function adoptOrphans({ backend, emit, feed, files }: Reaped): Promise<number> {
  let adopted = 0;
  for (const found of sealedNames(files)) {
    const { jobId: id, part, path, inside } = found;
    if (!isAdoptable(backend.job(id))) continue;
    if (part === 'partial' || part === 'copy') {
      if (path !== undefined) removeCopy(files, inside, whereIn(UNDERPROCESS, found));
      continue;
    }
    if (part !== 'file' || path === undefined) continue;
    if (await adopt(backend, feed, files, { id, path, inside })) {
      adopted++;
      emit('orphan_adopted', { feed, job: id, path: shownName(path) });
    }
  }
  return adopted;
}

/** Only the name is known here. The new job reads the bytes, and so finds line and content. */
function isAdoptable(job: Job | undefined): boolean {
  const { acts } = judge({
    row: 'none',
    line: 'none',
    back: 'no',
    owed: false,
    path: 'not_looked',
    sealed: 'file',
    job: job === undefined ? 'none' : job.state === 'done' ? 'done' : 'open',
  });
  return acts.includes('adopt_at_hash');
}

function removeCopy(files: FeedFiles, inside: ByteName, at: ByteName): void {
  const work = files.work(inside);
  const entry = work.entry(at);
  remove(entry.dir, entry.name);
  work.removeEmpty(folderOf(at), UNDERPROCESS);
}

/** The job goes on at `hash`, after a quiet window there: only the file's name and its sidecar's checksum are known. */
async function adopt(backend: Backend, feed: string, files: FeedFiles, job: WorkKey): Promise<boolean> {
  const stat = statEntry(files.workEntry(job, 'file'));
  if (stat?.kind !== 'file') return false;
  const facts = foundFacts(files, job, stat);
  const { id, path } = job;
  return backend.transact((tx) =>
    tx.adopt({
      id,
      feed,
      key: bytesOfName(path),
      bytes: stat.size,
      stage: 'hash',
      identity: identityOf(stat),
      payload: payloadOf(facts),
    }),
  );
}

/** The facts for a job that is made from a sealed file alone. */
export function foundFacts(files: FeedFiles, job: WorkKey, stat: Stat): JobFacts {
  const identity = identityOf(stat);
  // An empty boot: the window begins when the job is first handled.
  const seen = { identity, sinceMs: 0, boot: '', by: 'scan' as const };
  const sidecar = files.workEntry(job, 'sidecar');
  const hasSidecar = statEntry(sidecar) !== undefined;
  const { seen: said, demanded } = hasSidecar ? readSidecar(sidecar, files.kinds) : NO_SIDECAR;
  return {
    seen,
    ...(job.inside !== '' && { inside: job.inside }),
    sealed: { identity, kind: 'lease', window: seen, ...(hasSidecar && { sidecar: true }) },
    ...(demanded !== undefined && { demanded }),
    ...((said.kind === 'unreadable' || said.kind === 'open') && { unread: true as const }),
  };
}

/** Removes temporary copies in the warehouse that belong to no current claim. */
export function removeTemporary(reaped: Reaped): number {
  return inPlace('warehouse', reaped.files.roots.warehouse, 'write', () => removeFrom(reaped));
}

function removeFrom({ backend, files }: Reaped): number {
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
    // Another state may share the warehouse. Its jobs are unknown here, and its files stay.
    if (!job || (job.state === 'claimed' && String(job.claimNo) === claimNo)) continue;
    // The outputs of a job stay until it is done: the job knows which of them count.
    if (name.startsWith(outputPrefix(id)) && job.state !== 'done') continue;
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
