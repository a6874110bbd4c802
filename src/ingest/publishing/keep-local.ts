/**
 * Removes the local files of contents that have been in the bucket for long enough (`--keep-local`).
 * Guarantees: nothing goes from a bucket that went back to an earlier day. Each object is asked for just before, with its size and hash.
 * A content that is withdrawn meanwhile keeps its file. A local file is renamed into a folder that was just made,
 * where nobody writes, and compared there by its bytes: what is not the published file, or cannot be read or removed, goes back to its
 * name. The own file goes first: as long as it is there, its outputs are. A process that dies in between finds the folder again.
 */
import type { Reader } from '../../../queue/backend.js';
import { firstUlid } from '../../../queue/index.js';
import { BucketError } from '../../bucket/errors.js';
import type { Directories, Entry } from '../../files/directories.js';
import { baseOf, folderOf } from '../../files/job-paths.js';
import { sameMount } from '../../files/mounts.js';
import { deliver, moveOwn } from '../../files/moves.js';
import { errnoOf, inPlace, inPlaceAsync, isOfPlace, PlaceError } from '../../files/place-error.js';
import { type ByteName, joinNames, LinuxError, nameOfText, shownName, unlinkAt } from '../../linux/index.js';
import { processedOf } from '../chains/recorded-outputs.js';
import { type Name, outputNames, ownName } from '../evidence/names.js';
import { type FeedFiles, statEntry } from '../files/feed-files.js';
import { type Content, contentByRow } from '../ledger/content.js';
import { bucketRow, GIVEN_UP, noteLocalGone, type Publication, publicationsOf } from '../ledger/publications.js';
import { contentAt, TEMPORARY } from '../warehouse/target.js';
import type { FeedBucket } from './feed-bucket.js';
import { giveJob } from './give-job.js';
import { ownObject } from './object.js';
import { isInBucket } from './parts.js';

const PAGE = 100;
const ROUND_MS = 5_000;
/** The file of a withdrawn content is taken out by its withdrawal, or held. What is to be published again has a job. */
const DUE = `SELECT p.content, p.part FROM publications p JOIN contents c ON c.row = p.content AND c.state = 'stored'
  WHERE p.feed = ? AND p.n = 0 AND p.is_local = 1 AND p.part > '' AND p.part < ?
    AND NOT EXISTS (SELECT 1 FROM publications q WHERE q.content = p.content AND (q.etag IS NULL OR q.etag = '${GIVEN_UP}'))
  ORDER BY p.part LIMIT ?`;

/** One page of contents. */
export const dueToRemove = (reader: Reader, feed: string, keepMs: number): number[] =>
  reader
    .all<{ content: number; part: string }>(DUE, feed, firstUlid(Date.now() - keepMs), PAGE)
    .filter(({ part }) => isInBucket(reader, part))
    .map(({ content }) => content);

/**
 * One page at most. Other feeds wait, so after a few seconds no content is begun. `ending`: a file that is being read gets its name
 * back. Errors: BucketError, PlaceError.
 */
export async function removeLocal(
  of: FeedBucket,
  files: FeedFiles,
  keepMs: number,
  ending: AbortSignal,
): Promise<void> {
  const { backend, feed } = of;
  const published = backend.read((reader) => publicationsOf(reader, dueToRemove(reader, feed, keepMs)));
  await of.checkBefore(backend.read((reader) => bucketRow(reader, feed))!.next);
  const endMs = performance.now() + ROUND_MS;
  for (const [row, rows] of published) {
    if (ending.aborted || performance.now() > endMs) return;
    const content = backend.read((reader) => contentByRow(reader, row));
    if (content?.state !== 'stored') continue;
    const there = await areThere(of, content, rows).catch(unlessSlow);
    if (there === 'slow') return;
    if (!there) continue;
    await inPlaceAsync('warehouse', files.roots.warehouse, 'write', () => removeOne(of, files, content, ending));
  }
}

/** A store that asks for fewer requests is asked again in the next round. */
function unlessSlow(error: unknown): 'slow' {
  if (error instanceof BucketError && error.kind === 'slow') return 'slow';
  throw error;
}

/** Not withdrawn, and not pruned, by now. */
const isStored = ({ backend }: FeedBucket, { row }: Content): boolean =>
  backend.read((reader) => contentByRow(reader, row))?.state === 'stored';

/** Asks for all objects. A content is due again where one is gone, or refused: its job says so. Errors: BucketError. */
async function areThere(of: FeedBucket, content: Content, rows: Publication[]): Promise<boolean> {
  const { bucket, feed, emit } = of;
  for (const row of rows) {
    const object = `${of.root}/${row.key}`;
    const there = await ownObject(bucket, content, row).catch(async (error: unknown) => {
      if (await of.isOfKey(error)) return error as BucketError;
      throw error;
    });
    if (there && !(there instanceof BucketError)) continue;
    await of.transact((tx) => {
      tx.run('UPDATE publications SET etag = NULL WHERE content = ? AND n = ?', content.row, row.n);
      giveJob(tx, of, content.row);
    });
    if (there) emit('object_refused', { feed, object, reason: there.message });
    else emit('object_gone', { feed, object });
    return false;
  }
  return true;
}

async function removeOne(of: FeedBucket, files: FeedFiles, content: Content, ending: AbortSignal): Promise<void> {
  const { backend, feed, emit } = of;
  const processed = backend.read((reader) => processedOf(reader, content.row));
  let isOwnKept = false;
  for (const name of [ownName(content)!, ...outputNames(content.row, processed)]) {
    if (!isStored(of, content)) return;
    const kept = await removeFile(of, files, name, content, ending).catch((error) => unlessKept(error, name));
    // The next round finds out how far the other process came. A withdrawal may have ended while the file was set aside.
    if (kept === 'another') {
      await of.transact((tx) => {
        if (contentByRow(tx, content.row)?.state === 'withdrawn') giveJob(tx, of, content.row);
      });
      return;
    }
    if (!kept) continue;
    const path = `${files.roots.warehouse}/${shownName(kept.path)}`;
    emit('local_file_kept', { feed, path, reason: kept.reason });
    // As long as it is there, its outputs are.
    isOwnKept = name.n === 0;
    if (isOwnKept) break;
  }
  await of.transact((tx) => noteLocalGone(tx, content.row, isOwnKept));
}

/** A file that stays where it is. It is not tried again. */
interface Kept {
  path: ByteName;
  reason: string;
}

/** `another`: a process of this service removes the same file at this moment, or takes it out. A failing place is tried again. */
function unlessKept(error: unknown, { target }: Name): Kept | 'another' {
  if (error instanceof LinuxError && (error.code === 'ENOENT' || error.code === 'EEXIST')) return 'another';
  return { path: target, reason: whyKept(error, 'write') };
}

/** Thrown is what concerns the whole place, or says that another process has the file. */
function whyKept(error: unknown, access: 'read' | 'write'): string {
  const code = errnoOf(error);
  if (code === undefined || code === 'ENOENT' || error instanceof PlaceError || isOfPlace(access, code)) throw error;
  if (access === 'read') return `it cannot be read (${code})`;
  const isRefusal = code === 'EACCES' || code === 'EPERM';
  return `${isRefusal ? 'this user may not remove it' : 'it cannot be removed'} (${code})`;
}

type Aside = Pick<Name, 'target' | 'n'>;

/** The folder of a file while it is compared, and the file in it. `at`: its name below the warehouse. */
function asideOf(files: FeedFiles, { target, n }: Aside, { ingestId }: Pick<Content, 'ingestId'>) {
  const { warehouse } = files;
  const at = files.entryOrNone(warehouse, target);
  const temporary = at && !sameMount(warehouse.rootFd, at.dir) ? joinNames(folderOf(target), TEMPORARY) : TEMPORARY;
  const folder = joinNames(temporary, nameOfText(`gone.${ingestId}.${n}`));
  const name = baseOf(target);
  const taken = files.entryOrNone(warehouse, joinNames(folder, name));
  return { at, temporary, folder, name, taken: taken && statEntry(taken) ? taken : undefined };
}

/**
 * Gives a file that was set aside its name again, and returns it: its process died before it was compared, and nobody may go on with
 * that. A process that is still at it finds its file gone, and leaves it.
 */
export const giveBack = (
  files: FeedFiles,
  file: Aside,
  content: Pick<Content, 'ingestId'>,
): ReturnType<FeedFiles['inWarehouse']> =>
  inPlace('warehouse', files.roots.warehouse, 'write', () => {
    const { warehouse } = files;
    const { temporary, folder, taken } = asideOf(files, file, content);
    if (!taken || !giveName(warehouse, taken, file.target)) return undefined;
    warehouse.removeEmpty(folder, temporary);
    return files.inWarehouse(file.target);
  });

/** The folder was empty without the file, and may have been removed. */
const giveName = (warehouse: Directories, taken: Entry, target: ByteName): boolean =>
  deliver(taken, { dir: warehouse.make(folderOf(target)), name: baseOf(target) }) === 'renamed';

/** The file of a published content at its name; one that was set aside gets that name again. */
export const lyingAt = (...[files, file, content]: Parameters<typeof giveBack>): ReturnType<typeof giveBack> =>
  files.inWarehouse(file.target) ?? giveBack(files, file, content);

async function removeFile(
  of: FeedBucket,
  files: FeedFiles,
  file: Name,
  content: Content,
  ending: AbortSignal,
): Promise<Kept | 'another' | undefined> {
  const { target, sha256 } = file;
  const { warehouse } = files;
  const { at, temporary, folder, name, taken } = asideOf(files, file, content);
  if (!taken) {
    // Another process may have set it aside since the first stat.
    if (!at || statEntry(at)?.kind !== 'file') return asideOf(files, file, content).taken && 'another';
    // The rename takes whatever lies there now. Nobody else writes into the folder.
    moveOwn(at, { dir: warehouse.make(folder, 0o700), name });
  }
  const entry = warehouse.entry(joinNames(folder, name));
  let kept: Kept | 'another' | undefined;
  const differs = await contentAt(entry, { take: async () => ending.throwIfAborted() }).then(
    (found) => (found?.equals(sha256) ? undefined : 'it is not the file that was published'),
    (error: unknown) => (ending.aborted ? 'it was not read to its end' : whyKept(error, 'read')),
  );
  const mayGo = isStored(of, content);
  const reason = differs ?? (mayGo ? whyNotRemoved(entry) : 'it is withdrawn');
  if (reason !== undefined) {
    const isBack = giveName(warehouse, entry, target);
    // Its withdrawal takes it out, or a later round.
    if (!mayGo || ending.aborted) kept = 'another';
    else kept = { path: isBack ? target : joinNames(folder, name), reason };
  }
  warehouse.removeEmpty(folder, temporary);
  return kept;
}

/** Undefined: it is gone. */
function whyNotRemoved(entry: Entry): string | undefined {
  try {
    unlinkAt(entry.dir, entry.name);
    return undefined;
  } catch (error) {
    return whyKept(error, 'write');
  }
}
