/**
 * Finds what an operator's argument may mean: a job's id, a SHA-256, a path in an input, a file in a work directory, a file in a warehouse.
 * Guarantees: opens no file for reading.
 * Does not: judge what it finds.
 */
import { lstatSync } from 'node:fs';
import { isAbsolute, resolve } from 'node:path';
import type { Job, QueueView, Reader } from '../../../queue/index.js';
import type { FeedOptions } from '../../base/config/options.js';
import { deadMountCode } from '../../files/dead-mount.js';
import { DUPLICATES, FAILED, parseWorkName, WORK_FOLDERS } from '../../files/job-paths.js';
import { withRealParent } from '../../files/real-parent.js';
import { recordedRoots } from '../../ingest/files/recorded-roots.js';
import { type Content, contentByHash, contentByRow } from '../../ingest/ledger/content.js';
import { formerWarehouses } from '../../ingest/ledger/names.js';
import { prunedUntil } from '../../ingest/ledger/pruned.js';
import { possibleWork } from '../../ingest/upkeep/work-place.js';
import { type ByteName, bytesOfName, nameOfBytes, nameOfText } from '../../linux/index.js';

export interface Found {
  feed: FeedOptions;
  /** The path of the file in the input; empty where its record was pruned. */
  key: Buffer;
  /** Newest first. */
  jobs: Job[];
  /** Contents without a job, as in a rebuilt ledger. */
  contents: Content[];
  /** For a path in a warehouse: the content that has, or had, the path for its file or for an output. */
  target?: Content;
  /** That path, below the warehouse. */
  at?: ByteName;
  /** True if the argument is a path in the input, so that the file there now counts as well. */
  inInput: boolean;
  /** A file with a name of ours in that folder, whose job is not known any more. */
  forgottenIn?: typeof DUPLICATES | typeof FAILED;
}

export const JOB_ID = /^[0-9A-HJKMNP-TV-Z]{26}$/;
export const SHA256 = /^[0-9a-f]{64}$/i;

export async function find(view: QueueView, feeds: readonly FeedOptions[], word: string): Promise<Found[]> {
  if (JOB_ID.test(word)) {
    const job = view.job(word);
    const feed = feeds.find(({ name }) => name === job?.feed);
    if (job && feed) return [{ feed, key: job.key, jobs: [job], contents: [], inInput: false }];
  }
  if (SHA256.test(word)) return ofHash(view, feeds, Buffer.from(word, 'hex'));
  const absolute = await withRealParent(resolve(word));
  const named = feeds.flatMap((feed) => findPath(view, feed, absolute));
  const isNameAlone = named.some(({ forgottenIn }) => forgottenIn) && view.read(prunedUntil) === undefined;
  const exact = isNameAlone && !(await liesThere(absolute)) ? named.filter(({ forgottenIn }) => !forgottenIn) : named;
  if (exact.length > 0 || isAbsolute(word)) return exact;
  const inside = feeds.map((feed) => ofKey(view, feed, bytesOfName(nameOfText(word.replace(/^\.\//, '')))));
  // A relative path that no feed knows is reported once, and not once per feed.
  const known = inside.filter(({ jobs, contents }) => jobs.length + contents.length > 0);
  return known.length > 0 ? known : inside;
}

function findPath(view: QueueView, feed: FeedOptions, path: string): Found[] {
  for (const work of worksOf(view, feed)) {
    const inWork = below(work, path);
    if (inWork !== undefined) return ofWorkName(view, feed, inWork);
  }
  for (const warehouse of [feed.warehouse, ...view.read((r) => formerWarehouses(r, feed.name, feed.warehouse))]) {
    const target = below(warehouse, path);
    if (target !== undefined) return ofTarget(view, feed, bytesOfName(nameOfText(target)));
  }
  const inside = below(feed.input, path);
  if (inside === undefined) return [];
  // A work directory in a mount below the input.
  const inner = inside.lastIndexOf('.ingest/');
  if (inner > 0 && inside[inner - 1] === '/') {
    const work = inner + '.ingest/'.length;
    const found = ofWorkName(view, feed, inside.slice(work));
    if (found.length > 0) return found;
  }
  return [ofKey(view, feed, bytesOfName(nameOfText(inside)))];
}

export function ofKey(view: QueueView, feed: FeedOptions, key: Buffer): Found {
  const jobs = view.jobsByKey(feed.name, key);
  const rows = view.read((r) =>
    r.all<{ row: number }>(
      'SELECT row FROM contents WHERE +feed = ? AND source_path = ? ORDER BY row DESC',
      feed.name,
      key,
    ),
  );
  const ids = new Set(jobs.map(({ id }) => id));
  const contents = contentsOf(view, rows).filter(({ carrier }) => !ids.has(carrier));
  return { feed, key, jobs, contents, inInput: true };
}

/** Finds the job of a file in underprocess/, duplicates/ or failed/ by its name. */
function ofWorkName(view: QueueView, feed: FeedOptions, inWork: string): Found[] {
  const [folder, name, ...rest] = inWork.split('/');
  if (!(WORK_FOLDERS as readonly string[]).includes(folder!) || name === undefined) return [];
  const parsed = parseWorkName(nameOfText(name));
  if (!parsed) return [];
  const job = view.job(parsed.jobId);
  const path = parsed.path ?? nameOfText(rest.join('/'));
  const forgottenIn = [DUPLICATES, FAILED].find((one) => !job && one === folder);
  const found = { feed, key: job?.key ?? bytesOfName(path), jobs: job ? [job] : [], contents: [], inInput: false };
  return [{ ...found, ...(forgottenIn && { forgottenIn }) }];
}

/** A state that was made again knows no more of such a file than its name. On a filesystem that is dead it counts as there. */
const liesThere = async (path: string): Promise<boolean> =>
  (await deadMountCode(path, path)) !== undefined || (lstatSync(path, { throwIfNoEntry: false })?.isFile() ?? false);

function ofTarget(view: QueueView, feed: FeedOptions, target: Buffer): Found[] {
  const rows = view.read((r) =>
    r.all<{ row: number }>(
      `SELECT row FROM contents WHERE +feed = @feed AND (target = @target
         OR row IN (SELECT content FROM outputs WHERE target = @target)) ORDER BY row DESC`,
      { feed: feed.name, target },
    ),
  );
  const at = nameOfBytes(target);
  return contentsOf(view, rows).map((content) => ({ ...ofContent(view, feed, content), target: content, at }));
}

const ofHash = (view: QueueView, feeds: readonly FeedOptions[], sha256: Buffer): Found[] =>
  feeds.flatMap((feed) => {
    const content = view.read((r) => contentByHash(r, feed.name, sha256));
    return content ? ofContent(view, feed, content) : [];
  });

/** By the job that carried it, where that is still known. */
function ofContent(view: QueueView, feed: FeedOptions, content: Content): Found {
  const job = view.job(content.carrier);
  return {
    feed,
    key: content.state === 'pruned' ? Buffer.alloc(0) : content.sourcePath,
    jobs: job ? [job] : [],
    contents: job ? [] : [content],
    inInput: false,
  };
}

const contentsOf = (view: QueueView, rows: readonly { row: number }[]): Content[] =>
  view.read((r) => rows.flatMap(({ row }) => contentByRow(r, row) ?? []));

/** The work directories as they were set up, or as a first start would choose them. */
export function worksOf(view: QueueView, feed: FeedOptions): string[] {
  const { work } = recordedRoots(view, feed.name);
  return work === '' ? possibleWork(feed) : [work];
}

const below = (root: string, path: string): string | undefined =>
  path.startsWith(`${root}/`) ? path.slice(root.length + 1) : undefined;

/** The number of paths in an answer. For others the operator has to name a directory. */
const PATHS_MAX = 20;

const JOBS = `SELECT key, max(seq) AS last FROM all_jobs WHERE feed = ? AND substr(key, ?) = ? GROUP BY key ORDER BY last DESC LIMIT ${PATHS_MAX}`;
const CONTENTS = `SELECT source_path AS key, max(row) AS last FROM contents WHERE +feed = ? AND substr(source_path, ?) = ?
  GROUP BY source_path ORDER BY last DESC LIMIT ${PATHS_MAX}`;

/**
 * Finds files by name alone, in any directory below an input, for an operator who does not know the directory: the newest of each feed.
 * Does not: walk through the inputs. No index has the ends of paths, so all jobs and contents are read.
 */
export function findByName(view: QueueView, feeds: readonly FeedOptions[], word: string): Found[] {
  if (word.includes('/') || word === '') return [];
  const end = bytesOfName(nameOfText(`/${word}`));
  const found = feeds.flatMap((feed) => {
    const keysIn = (sql: string) => (reader: Reader) =>
      reader.all<{ key: Buffer }>(sql, feed.name, -end.length, end).map(({ key }) => key.toString('latin1'));
    const keys = new Set([...view.read(keysIn(JOBS)), ...view.read(keysIn(CONTENTS))]);
    return [...keys].map((key) => ofKey(view, feed, Buffer.from(key, 'latin1')));
  });
  return found.slice(0, PATHS_MAX);
}
