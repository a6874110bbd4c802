/** Which stored content an operator means: by its SHA-256, or by a path in an input, a warehouse or a work directory. */
import type { QueueView } from '../../queue/index.js';
import type { FeedOptions } from '../config/options.js';
import { EnvironmentError, OperatorError } from '../errors.js';
import { lookAtPath } from '../evidence/at-path.js';
import type { Case } from '../evidence/case.js';
import { FeedFiles } from '../files/feed-files.js';
import { PlaceError } from '../files/place-error.js';
import { type Content, contentByHash, contentByRow } from '../ledger/content.js';
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
    return content ? [{ feed, content, isDuplicate: false }] : [];
  });
}

async function ofPath(view: QueueView, feeds: readonly FeedOptions[], word: string): Promise<Named[]> {
  const found = find(view, feeds, word);
  const targets = found.flatMap(({ feed, target }) => (target ? [{ feed, content: target, isDuplicate: false }] : []));
  if (targets.length > 0) return [await atTarget(view, feeds, targets as [Named, ...Named[]])];
  return found.flatMap((one) => newest(view, one) ?? []);
}

/** A path may have had several contents, one after the other: the one whose file lies there is meant, else the newest that stands. */
async function atTarget(
  view: QueueView,
  feeds: readonly FeedOptions[],
  named: readonly [Named, ...Named[]],
): Promise<Named> {
  const standing = named.filter(({ content }) => content.note !== 'withdrawn');
  if (standing.length > 1) {
    for (const one of standing) if ((await pathOf(view, feeds, one)) === 'mine') return one;
  }
  return standing[0] ?? named[0];
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

/** Of several versions of a path, the newest that has a content; where its record was pruned, never an older version. */
function newest(view: QueueView, { feed, jobs, contents }: Found): Named | undefined {
  for (const job of jobs) {
    const { content: row, sha256, putAway } = job.payload as unknown as JobFacts;
    if (row === undefined || putAway?.kind === 'discarded') continue;
    const content = view.read(
      (r) =>
        contentByRow(r, row) ??
        (sha256 === undefined ? undefined : contentByHash(r, feed.name, Buffer.from(sha256, 'hex'))),
    );
    return content && { feed, content, isDuplicate: putAway?.kind === 'duplicate' };
  }
  return contents[0] && { feed, content: contents[0], isDuplicate: false };
}
