/**
 * Repairs from time to time the traces of a crash that belong to no job: appends of dead owners, files in `underprocess/`
 * without a job, temporary copies of ended claims.
 * Guarantees: writes nothing when there is nothing to do.
 */
import { readdirSync } from 'node:fs';
import type { Backend, Job } from '../../../queue/backend.js';
import type { Emit } from '../../base/telemetry/emit.js';
import { DirtyDirectories } from '../../files/dirty.js';
import { FAILED, folderOf, UNDERPROCESS } from '../../files/job-paths.js';
import { inPlace } from '../../files/place-error.js';
import { type ByteName, bytesOfName, LinuxError, type Stat, shownName, unlinkAt } from '../../linux/index.js';
import { outputPrefix } from '../chains/recorded-outputs.js';
import { type FeedFiles, statEntry, type WorkKey } from '../files/feed-files.js';
import { sealedNames, whereIn } from '../files/sealed-names.js';
import { NO_SIDECAR, readSidecar } from '../files/sidecar.js';
import { bringOn } from '../files/take.js';
import { APPEND_COLUMNS, type Append } from '../manifest/append.js';
import { isOrphan } from '../manifest/finish.js';
import { finishOpen } from '../manifest/write.js';
import { demandOf } from '../rules/checksum.js';
import { type JobFacts, payloadOf } from '../rules/facts.js';
import { identityOf } from '../rules/identity.js';
import { isCopyOf, TEMPORARY } from '../warehouse/target.js';

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

/** Files are adopted by so many: one sync for all of them. */
const PAGE = 1_000;

/** Gives a job to every file in `underprocess/` whose job is gone; removes partial copies. */
export async function adoptOrphans(reaped: Reaped): Promise<number> {
  let adopted = 0;
  let page: WorkKey[] = [];
  const adoptPage = async (): Promise<void> => {
    // The process that brought them there may have died before its sync.
    const dirty = new DirtyDirectories();
    for (const job of page) dirty.add(reaped.files.work(job.inside), folderOf(reaped.files.workPath(job, 'file')));
    await dirty.sync();
    for (const job of page) if (await adopt(reaped, job)) adopted++;
    page = [];
  };
  for (const job of orphansIn(reaped)) if (page.push(job) === PAGE) await adoptPage();
  await adoptPage();
  return adopted;
}

function* orphansIn({ backend, files }: Reaped): Generator<WorkKey> {
  for (const found of sealedNames(files)) {
    const { jobId: id, inside } = found;
    if (!isAdoptable(backend.job(id))) continue;
    if (found.part === 'partial' || found.part === 'copy') {
      if (found.path !== undefined) removeCopy(files, inside, whereIn(UNDERPROCESS, found));
      continue;
    }
    for (const { part, path } of found.part === 'claims' ? bringOn(files, { id, inside }) : [found])
      if (part === 'file' && path !== undefined) yield { id, path, inside };
  }
}

/** Only the name is known here. The new job reads the bytes, and so finds line and content. */
const isAdoptable = (job: Job | undefined): boolean => job === undefined || job.state === 'done';

function removeCopy(files: FeedFiles, inside: ByteName, at: ByteName): void {
  const work = files.work(inside);
  const entry = work.entry(at);
  remove(entry.dir, entry.name);
  work.removeEmpty(folderOf(at), UNDERPROCESS);
}

/** The job goes on at `hash`, after a quiet window there: only the file's name and its sidecar's checksum are known. */
async function adopt({ backend, emit, feed, files }: Reaped, job: WorkKey): Promise<boolean> {
  const stat = statEntry(files.workEntry(job, 'file'));
  if (stat?.kind !== 'file') return false;
  const facts = foundFacts(files, job, stat);
  const { id, path } = job;
  const isNew = await backend.transact((tx) =>
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
  if (isNew) emit('orphan_adopted', { feed, job: id, path: shownName(path) });
  return isNew;
}

/** The facts for a job that is made from a sealed file alone. */
export function foundFacts(files: FeedFiles, job: WorkKey, stat: Stat): JobFacts {
  const identity = identityOf(stat);
  // An empty boot: the window begins when the job is first handled.
  const seen = { identity, sinceMs: 0, boot: '', by: 'scan' as const };
  const beside = files.workEntry(job, 'sidecar');
  // Put aside for a right one, which was not taken before a crash. Its file must not pass as one without a sidecar.
  const sidecar = statEntry(beside) ? beside : files.workEntry(job, 'sidecar', FAILED);
  const hasSidecar = statEntry(sidecar) !== undefined;
  const { seen: said, checksum } = hasSidecar ? readSidecar(sidecar, job.path, files.kinds) : NO_SIDECAR;
  return {
    seen,
    ...(job.inside !== '' && { inside: job.inside }),
    sealed: { identity, kind: 'lease', window: seen, ...(hasSidecar && { sidecar: true }) },
    ...demandOf(checksum),
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
    const job = backend.job(name.split('.')[0]!);
    // Another state may share the warehouse. Its jobs are unknown here, and its files stay.
    if (!job || (job.state === 'claimed' && isCopyOf(name, job))) continue;
    // The outputs of a job stay until it is done: the job knows which of them count.
    if (name.startsWith(outputPrefix(job.id)) && job.state !== 'done') continue;
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
