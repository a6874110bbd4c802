/** Which stored content an operator means: by its SHA-256, or by a path in an input, a warehouse or a work directory. */
import type { Reader } from '../../queue/backend.js';
import type { QueueView } from '../../queue/index.js';
import type { FeedOptions } from '../config/options.js';
import { EnvironmentError, OperatorError } from '../errors.js';
import { lookAtPath } from '../evidence/at-path.js';
import type { Case } from '../evidence/case.js';
import { FeedFiles } from '../files/feed-files.js';
import { PlaceError } from '../files/place-error.js';
import { type Content, contentByHash, contentByRow, generationsOf } from '../ledger/content.js';
import { recordedRoots } from '../ledger/recorded-roots.js';
import type { JobFacts } from '../stages/job.js';
import { safeText } from '../telemetry/safe.js';
import { type Found, find } from './explain-find.js';

const SHA256 = /^[0-9a-f]{64}$/i;

export interface Named {
  feed: FeedOptions;
  /** Its newest generation; of a path in a warehouse the one that was stored there. */
  content: Content;
  /** The path is that of a file which was not stored, but equals this content. */
  isDuplicate: boolean;
  /** Contents that stand and that the word may mean as well, where this one was withdrawn. */
  others: readonly Content[];
}

/** Errors: OperatorError, where no feed knows it, or several do. */
export async function contentNamed(view: QueueView, feeds: readonly FeedOptions[], word: string): Promise<Named> {
  const named = SHA256.test(word) ? ofHash(view, feeds, word) : await ofPath(view, feeds, word);
  if (named.length === 1) return named[0]!;
  if (named.length === 0) {
    throw new OperatorError(
      'content_unknown',
      `${safeText(word)} names no content that the ledger knows; name a SHA-256, or a path that ingest-ctl explain knows as stored or as a duplicate.`,
    );
  }
  throw new OperatorError(
    'content_of_many_feeds',
    `${safeText(word)} is known to the feeds ${named.map(({ feed }) => feed.name).join(', ')}; say which one by --feed.`,
  );
}

function ofHash(view: QueueView, feeds: readonly FeedOptions[], word: string): Named[] {
  return feeds.flatMap((feed) => {
    const content = view.read((r) => contentByHash(r, feed.name, Buffer.from(word, 'hex')));
    if (!content) return [];
    const others = view.read((r) => generationsOf(r, feed.name, content.sha256)).filter(stands);
    return [{ feed, content, isDuplicate: false, others }];
  });
}

async function ofPath(view: QueueView, feeds: readonly FeedOptions[], word: string): Promise<Named[]> {
  const found = find(view, feeds, word);
  const targets = found.flatMap(({ feed, target }) =>
    target ? [{ feed, content: target, isDuplicate: false, others: [] }] : [],
  );
  if (targets.length > 0) return [await atTarget(view, feeds, targets)];
  return found.flatMap((one) => newest(view, one) ?? []);
}

/** A path may have had several contents, one after the other: the one whose file lies there is meant, else the newest that stands. */
async function atTarget(view: QueueView, feeds: readonly FeedOptions[], named: readonly Named[]): Promise<Named> {
  const standing = named.filter(({ content }) => stands(content));
  if (standing.length > 1) {
    for (const one of standing) if ((await pathOf(view, feeds, one)) === 'mine') return one;
  }
  return standing[0] ?? named[0]!;
}

async function pathOf(view: QueueView, feeds: readonly FeedOptions[], { feed, content }: Named): Promise<Case['path']> {
  const files = new FeedFiles(recordedRoots(view, feed.name));
  try {
    return await lookAtPath(view, { feed, feeds, files, content });
  } catch (error) {
    if (!(error instanceof PlaceError)) throw error;
    throw new EnvironmentError('root_unusable', `${error.message}, so which content is meant cannot be seen.`);
  } finally {
    files.close();
  }
}

const stands = ({ state, note, target }: Content): boolean =>
  state === 'stored' && note !== 'withdrawn' && target !== null;

interface Version {
  atMs: number;
  content: Content | undefined;
  isDuplicate: boolean;
}

/** Chooses the newest version of a path that has a content. Where its record was pruned, no older version takes its place. */
function newest(view: QueueView, { feed, jobs, contents }: Found): Named | undefined {
  const ofJobs = jobs.flatMap((job): Version[] => {
    const { content: row, sha256, putAway } = job.payload as unknown as JobFacts;
    if (row === undefined || putAway?.kind === 'discarded') return [];
    const content = view.read((r) => contentByRow(r, row) ?? prunedByJob(r, feed, sha256));
    return [{ atMs: job.createdAtMs, content, isDuplicate: putAway?.kind === 'duplicate' }];
  });
  // A rebuild knows their rows, and not their jobs.
  const withoutJob = contents.map((content) => ({ atMs: content.ingestedAtMs ?? 0, content, isDuplicate: false }));
  const [first, ...older] = [...ofJobs, ...withoutJob].sort((a, b) => b.atMs - a.atMs);
  if (!first?.content) return undefined;
  const ingested = older.flatMap(({ content, isDuplicate }) => (content && !isDuplicate ? content : []));
  const others = new Map(ingested.filter(stands).map((content) => [content.row, content]));
  return { feed, content: first.content, isDuplicate: first.isDuplicate, others: [...others.values()] };
}

const prunedByJob = (reader: Reader, feed: FeedOptions, sha256: string | undefined): Content | undefined =>
  sha256 === undefined ? undefined : contentByHash(reader, feed.name, Buffer.from(sha256, 'hex'));
