/**
 * Finds the stored content that an operator names: by SHA-256, by the ingest id of its line, or by a path in an input, a warehouse
 * or a work directory.
 */
import type { Reader } from '../../../queue/backend.js';
import type { QueueView } from '../../../queue/index.js';
import type { FeedOptions } from '../../base/config/options.js';
import { EnvironmentError, OperatorError } from '../../base/errors.js';
import { safeText } from '../../base/telemetry/safe.js';
import { processedOf } from '../../ingest/chains/recorded-outputs.js';
import { whoseFileAt } from '../../ingest/evidence/at-path.js';
import type { Case } from '../../ingest/evidence/case.js';
import { outputNames, ownName } from '../../ingest/evidence/names.js';
import type { FeedFiles } from '../../ingest/files/feed-files.js';
import { withFiles } from '../../ingest/files/recorded-roots.js';
import {
  type Content,
  contentByHash,
  contentByRow,
  generationsOf,
  placeOf,
  shownPlace,
  stands,
} from '../../ingest/ledger/content.js';
import { exceptionsOf } from '../../ingest/ledger/exceptions.js';
import { prunedUntil } from '../../ingest/ledger/pruned.js';
import { factsOf } from '../../ingest/rules/facts.js';
import type { ByteName } from '../../linux/index.js';
import { type Found, find, JOB_ID, SHA256 } from '../explain/find.js';

export interface Named {
  feed: FeedOptions;
  /** The newest generation. For a path in a warehouse: the content whose file is there, or the only one that ever was. */
  content: Content;
  /** True if the path is a file that was not stored, with the same bytes as this content. */
  isDuplicate: boolean;
  /** Other contents, not withdrawn, that the argument may mean: older versions of a path, other generations of a content. */
  others: readonly Content[];
}

/** `there`: asked for a SHA-256 that no feed knows. Errors: OperatorError if no feed knows it, or if several do. */
export async function contentNamed<There extends Pick<Named, 'feed'> = never>(
  view: QueueView,
  feeds: readonly FeedOptions[],
  word: string,
  there: (sha256: Buffer) => Promise<There[]> = async () => [],
): Promise<Named | There> {
  const byId = JOB_ID.test(word) ? ofIngestId(view, feeds, word) : [];
  const here = SHA256.test(word) ? ofHash(view, feeds, word) : byId.length > 0 ? byId : await ofPath(view, feeds, word);
  const named = here.length === 0 && SHA256.test(word) ? await there(Buffer.from(word, 'hex')) : here;
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

function ofIngestId(view: QueueView, feeds: readonly FeedOptions[], word: string): Named[] {
  const sql = 'SELECT row FROM contents WHERE +feed = ? AND ingest_id = ?';
  return feeds.flatMap((feed) => {
    const content = view.read((r) => contentByRow(r, r.get<{ row: number }>(sql, feed.name, word)?.row ?? -1));
    return content ? [{ feed, content, isDuplicate: false, others: [] }] : [];
  });
}

async function ofPath(view: QueueView, feeds: readonly FeedOptions[], word: string): Promise<Named[]> {
  const found = await find(view, feeds, word);
  const targets = found.flatMap(({ feed, target, at }) =>
    target ? [{ feed, content: target, isDuplicate: false, others: [], at }] : [],
  );
  if (targets.length > 0) return [await atTarget(view, targets)];
  const named: Named[] = [];
  for (const one of found) {
    const version = newest(view, one);
    if (version === undefined) continue;
    const { named: newestOne, atMs } = version;
    if (isBeforePruned(view, atMs) && (await pathOf(view, newestOne)) !== 'mine') throw maybePruned(newestOne);
    named.push(newestOne);
  }
  return named;
}

/** `at`: the path that was named, of the content's file or of an output. */
type AtTarget = Named & { at?: ByteName | undefined };

/**
 * A path may have had several contents, one after the other. The one whose file is there now is meant. If none is there, the last
 * one is not known: rows of a rebuilt ledger have no order, and clocks can go back.
 * Errors: OperatorError if several contents are left, or if the last one may have been pruned.
 */
async function atTarget(view: QueueView, named: readonly AtTarget[]): Promise<Named> {
  const only = named[0]!;
  const isHidden = mayHidePruned(view, only);
  if (named.length === 1 && !isHidden) return only;
  for (const one of named) if ((await pathOf(view, one)) === 'mine') return one;
  throw named.length > 1 ? whichOf(named) : maybePruned(only);
}

const whichOf = (named: readonly Named[]): OperatorError =>
  new OperatorError(
    'which_generation',
    `${placeOfNamed(named[0]!)} was the path of several contents, and none of them lies there; name the ingest_id of the one that is meant: ${named.map(asChoice).join(', or ')}.`,
  );

const asChoice = ({ content }: Named): string =>
  `${content.ingestId} (${content.sha256.toString('hex')}${content.state === 'stored' ? '' : `, ${content.state}`})`;

const placeOfNamed = ({ feed, content }: Named): string => shownPlace(feed.warehouse, placeOf(content));

/** Returns a content with a pruned record that came to the path after this one was removed. */
function mayHidePruned(view: QueueView, { content }: Named): boolean {
  const withdrawn = view
    .read((reader) => exceptionsOf(reader, content))
    .find(({ kind, generation }) => kind === 'withdraw' && generation === content.generation);
  return isBeforePruned(view, withdrawn?.atMs ?? content.ingestedAtMs ?? 0);
}

const isBeforePruned = (view: QueueView, atMs: number): boolean =>
  atMs < (view.read(prunedUntil) ?? Number.NEGATIVE_INFINITY);

function maybePruned(named: Named): OperatorError {
  const { sha256, target } = named.content;
  const last =
    target === null
      ? `the last content that is known at this path is ${sha256.toString('hex')}, of which no file is in the warehouse`
      : `${placeOfNamed(named)} was the path of ${sha256.toString('hex')}, whose file does not lie there`;
  return new OperatorError(
    'content_unknown',
    `${last}; what came there after it may have been pruned from the state, so which content is meant is not known: name its SHA-256.`,
  );
}

async function pathOf(view: QueueView, { feed, content, at }: AtTarget): Promise<Case['path']> {
  const outputs = outputNames(
    content.row,
    view.read((reader) => processedOf(reader, content.row)),
  );
  const name = outputs.find(({ target }) => target === at) ?? ownName(content);
  if (!name) return 'free';
  const look = (files: FeedFiles) => whoseFileAt(view, { feed: feed.name, files, name });
  const refused = (why: string) =>
    new EnvironmentError('root_unusable', `${why}, so which content is meant cannot be seen.`);
  return withFiles(view, feed.name, look, refused);
}

interface Version {
  atMs: number;
  content: Content | undefined;
  isDuplicate: boolean;
}

/** Returns the newest version of a path that has a content. If its record was pruned, no older version replaces it. */
function newest(view: QueueView, { feed, jobs, contents }: Found): { named: Named; atMs: number } | undefined {
  const ofJobs = jobs.flatMap((job): Version[] => {
    const { content: row, sha256, putAway } = factsOf(job);
    if (row === undefined || putAway?.kind === 'discarded') return [];
    const content = view.read((r) => contentByRow(r, row) ?? prunedByJob(r, feed, sha256));
    return [{ atMs: job.createdAtMs, content, isDuplicate: putAway?.kind === 'duplicate' }];
  });
  // After a rebuild the rows are known, but not their jobs.
  const withoutJob = contents.map((content) => ({ atMs: content.ingestedAtMs ?? 0, content, isDuplicate: false }));
  const [first, ...older] = [...ofJobs, ...withoutJob].sort((a, b) => b.atMs - a.atMs);
  if (!first?.content) return undefined;
  const ingested = older.flatMap(({ content, isDuplicate }) => (content && !isDuplicate ? content : []));
  const others = new Map(ingested.filter(stands).map((content) => [content.row, content]));
  const { content, isDuplicate, atMs } = first;
  return { named: { feed, content, isDuplicate, others: [...others.values()] }, atMs };
}

const prunedByJob = (reader: Reader, feed: FeedOptions, sha256: string | undefined): Content | undefined =>
  sha256 === undefined ? undefined : contentByHash(reader, feed.name, Buffer.from(sha256, 'hex'));
