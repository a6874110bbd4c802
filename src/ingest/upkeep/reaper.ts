/**
 * Repairs from time to time the traces of a crash that belong to no job: appends of dead owners, files in `underprocess/`
 * without a job, temporary copies of ended claims.
 * Guarantees: writes nothing when there is nothing to do.
 */
import { readdirSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import type { Backend } from '../../../queue/backend.js';
import type { Emit } from '../../base/telemetry/emit.js';
import { DirtyDirectories } from '../../files/dirty.js';
import { FAILED, folderOf, UNDERPROCESS } from '../../files/job-paths.js';
import { inPlace, unlessMissing } from '../../files/place-error.js';
import { type ByteName, bytesOfName, type Stat, shownName, unlinkAt } from '../../linux/index.js';
import { outputPrefix } from '../chains/recorded-outputs.js';
import { type FeedFiles, statEntry, type WorkKey } from '../files/feed-files.js';
import { sealedNames, type WorkName, whereIn } from '../files/sealed-names.js';
import { isUnread, NO_SIDECAR, readSidecar } from '../files/sidecar.js';
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

/** So many names are looked up, and so many files adopted, at a time: other work of the process comes between. */
const PAGE = 1_000;

/** Gives a job to every file in `underprocess/` whose job is gone; removes partial copies. */
export async function adoptOrphans(reaped: Reaped): Promise<number> {
  let adopted = 0;
  let page: WorkName[] = [];
  const endPage = async (): Promise<void> => {
    const orphans = orphansAmong(reaped, page);
    page = [];
    // The process that brought them there may have died before its sync.
    const dirty = new DirtyDirectories();
    for (const job of orphans) dirty.add(reaped.files.work(job.inside), folderOf(reaped.files.workPath(job, 'file')));
    await dirty.sync();
    for (const job of orphans) if (await adopt(reaped, job)) adopted++;
    await setImmediate();
  };
  for (const name of sealedNames(reaped.files)) if (page.push(name) === PAGE) await endPage();
  await endPage();
  return adopted;
}

const OPEN = "SELECT id FROM all_jobs WHERE id IN (SELECT value FROM json_each(?)) AND state <> 'done'";

/** Only the name is known here. The new job reads the bytes, and so finds line and content. */
function orphansAmong({ backend, files }: Reaped, names: readonly WorkName[]): WorkKey[] {
  const ids = JSON.stringify(names.map(({ jobId }) => jobId));
  const open = new Set(backend.read((rows) => rows.all<{ id: string }>(OPEN, ids)).map(({ id }) => id));
  return names
    .filter(({ jobId }) => !open.has(jobId))
    .flatMap((found) => {
      const { jobId: id, inside } = found;
      if (found.part === 'partial' || found.part === 'copy') {
        if (found.path !== undefined) removeCopy(files, inside, whereIn(UNDERPROCESS, found));
        return [];
      }
      const parts = found.part === 'claims' ? bringOn(files, { id, inside }) : [found];
      return parts.flatMap(({ part, path }) => (part === 'file' && path !== undefined ? [{ id, path, inside }] : []));
    });
}

function removeCopy(files: FeedFiles, inside: ByteName, at: ByteName): void {
  const work = files.work(inside);
  const entry = files.entryOrNone(work, at);
  if (entry === undefined) return; // its job has ended since, with its folder
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
  const window = { identity, sinceMs: 0, boot: '', by: 'scan' as const };
  const beside = files.workEntry(job, 'sidecar');
  // Put aside for a right one, which was not taken before a crash. Its file must not pass as one without a sidecar.
  const isBeside = statEntry(beside) !== undefined;
  const sidecar = isBeside ? beside : files.workEntry(job, 'sidecar', FAILED);
  const hasSidecar = statEntry(sidecar) !== undefined;
  const read = hasSidecar ? readSidecar(sidecar, job.path, files.kinds) : NO_SIDECAR;
  const unread = isUnread(read) || (isBeside && read.mayChange);
  return {
    ...(job.inside !== '' && { inside: job.inside }),
    sealed: { identity, kind: 'lease', window, ...(hasSidecar && { sidecar: true }) },
    ...(unread ? { unread } : demandOf(read.checksum)),
  };
}

/** Removes temporary copies in the warehouse that belong to no current claim. */
export function removeTemporary(reaped: Reaped): number {
  return inPlace('warehouse', reaped.files.roots.warehouse, 'write', () => removeFrom(reaped));
}

function removeFrom({ backend, files }: Reaped): number {
  const dir = unlessMissing(() => files.warehouse.directory(TEMPORARY));
  if (dir === undefined) return 0;
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

const remove = (dir: number, name: ByteName): void => unlessMissing(() => unlinkAt(dir, name));

const namesIn = (dir: number): ByteName[] => readdirSync(`/proc/self/fd/${dir}`, 'latin1') as ByteName[];
