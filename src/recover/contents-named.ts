/** Which stored content an operator means: by its SHA-256, or by a path in an input, a warehouse or a work directory. */
import type { QueueView } from '../../queue/index.js';
import type { FeedOptions } from '../config/options.js';
import { OperatorError } from '../errors.js';
import { type Content, contentByHash, contentByRow } from '../ledger/content.js';
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
export function contentNamed(view: QueueView, feeds: readonly FeedOptions[], word: string): Named {
  const named = SHA256.test(word) ? ofHash(view, feeds, word) : ofPath(view, feeds, word);
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

/** Of several versions of a path, the newest that has a content. */
const ofPath = (view: QueueView, feeds: readonly FeedOptions[], word: string): Named[] =>
  find(view, feeds, word).flatMap((found) => newest(view, found) ?? []);

function newest(view: QueueView, { feed, jobs, contents }: Found): Named | undefined {
  for (const job of jobs) {
    const { content: row, putAway } = job.payload as unknown as JobFacts;
    const content = row === undefined ? undefined : view.read((r) => contentByRow(r, row));
    if (content) return { feed, content, isDuplicate: putAway?.kind === 'duplicate' };
  }
  return contents[0] && { feed, content: contents[0], isDuplicate: false };
}
