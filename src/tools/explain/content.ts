/** Describes a stored content in sentences: where it is, and what operators decided about it. */
import type { FeedOptions } from '../../base/config/options.js';
import { bucketAddress } from '../../base/config/values/bucket.js';
import { quoted, typed } from '../../base/shell.js';
import { safeText } from '../../base/telemetry/safe.js';
import { type Output, processedOf } from '../../ingest/chains/recorded-outputs.js';
import { holderOf } from '../../ingest/evidence/at-path.js';
import { type Case, rowOf } from '../../ingest/evidence/case.js';
import { ownName } from '../../ingest/evidence/names.js';
import { judge } from '../../ingest/evidence/table.js';
import { statEntry } from '../../ingest/files/feed-files.js';
import { type Content, contentByHash, generationsOf, hasEnded, placeOf } from '../../ingest/ledger/content.js';
import { type Exception, exceptionsOf } from '../../ingest/ledger/exceptions.js';
import { type Replaced, replacedOf } from '../../ingest/ledger/names.js';
import { GIVEN_UP, isHere, NOT_PUBLISHED, ownPublication } from '../../ingest/ledger/publications.js';
import { isInBucket } from '../../ingest/publishing/parts.js';
import { withdrawalOf } from '../../ingest/upkeep/withdrawal.js';
import { nameOfBytes } from '../../linux/index.js';
import type { Looked } from './waiting.js';
import { at, bytes, shown, type Verdict, verdict } from './words.js';

/** `storedAtMs`: when its file came to its target, if a job says so. */
export function ofContent(content: Content, looked: Looked, storedAtMs?: number): Verdict {
  const answer = whereContentIs(content, looked, storedAtMs);
  const made = looked.view.read((r) => exceptionsOf(r, content));
  return {
    ...answer,
    sentences: [
      ...answer.sentences,
      ...publishedOf(content, looked),
      ...madeOf(content, looked),
      ...made.map((one) => exception(one, content, looked.view)),
    ],
  };
}

function publishedOf({ row, state }: Content, { view, feed }: Looked): string[] {
  const own = view.read((reader) => ownPublication(reader, row));
  if (!own || feed.publish === undefined) return [];
  if (own.part === NOT_PUBLISHED)
    return ['It is not in the bucket: it had left the warehouse before, or an operator gave that up.'];
  const at = `s3://${bucketAddress(feed.publish)!.bucket}/${own.key}`;
  if (own.part === null) return [`It is not in the bucket yet; it is to be ${at}.`];
  if (own.etag === GIVEN_UP)
    return [`Its line in the bucket names ${at}. The object was gone or refused, and an operator gave that up.`];
  const { part } = own;
  const line = view.read((reader) => isInBucket(reader, part)) ? 'with its line' : 'its line is still to come';
  const local = !isHere(own) && state !== 'unconfirmed' ? ', and its local file was removed (--keep-local)' : '';
  return [`It is in the bucket as ${at}, ${line}${local}.`];
}

export function exception(
  { kind, generation, who, why, atMs }: Exception,
  { feed, sha256 }: Content,
  view: Looked['view'],
): string {
  const by = `by ${who} at ${at(atMs)} (${safeText(why)})`;
  if (kind === 'withdraw') return `Its generation ${generation} was withdrawn ${by}.`;
  const newest = view.read((r) => contentByHash(r, feed, sha256))?.generation ?? 0;
  const next = generation > newest ? ': the next file with this content becomes that one' : '';
  return `Generation ${generation} of this content was allowed ${by}${next}.`;
}

/** The way out for a content that was withdrawn; undefined where it has come again since. */
export function allowsAgain({ feed, sha256, generation }: Content, view: Looked['view']): string | undefined {
  const isLater = (one: { generation: number }) => one.generation > generation;
  if (view.read((r) => generationsOf(r, feed, sha256)).some(isLater)) return undefined;
  if (view.read((r) => exceptionsOf(r, { feed, sha256 })).some(isLater)) return 'deliver it once more';
  const allow = typed('ingest-ctl allow-again', sha256.toString('hex'), '--reason', 'WHY');
  return `to ingest it again, run ${allow}, then deliver it once more`;
}

function whereContentIs(content: Content, looked: Looked, storedAtMs: number | undefined): Verdict {
  const { feed } = looked;
  const target = content.target;
  if (!hasEnded(content)) {
    const where = target ? ` and is to lie at ${feed.warehouse}/${shown(target)}` : '';
    return verdict('sealed', `Its content is ${content.state}${where}.`);
  }
  if (content.state === 'learned') {
    return verdict(
      'stored',
      `Its content was learned from ${shown(content.sourcePath)}: it was loaded by other means.`,
    );
  }
  if (content.state === 'pruned') {
    const line = shown(placeOf(content));
    return verdict('stored', `It was stored, and its record was pruned since; its line is in ${line}.`);
  }
  if (content.state === 'elsewhere') return verdict('stored', `Another host has it: ${shown(placeOf(content))}.`);
  if (target === null) return verdict('stored', 'It was stored, in a warehouse that this feed does not have any more.');
  const replaced = content.state === 'unconfirmed' ? looked.view.read((r) => replacedOf(r, content)) : undefined;
  const sentences = [
    `It was stored as ${replaced?.path ?? feed.warehouse}/${shown(target)}${storedAtMs === undefined ? '' : ` at ${at(storedAtMs)}`} (SHA-256 ${content.sha256.toString('hex')}, its line${since(content)} in ${feed.manifests}/${content.hour}/manifest.jsonl).`,
  ];
  const path = pathFor(content, looked);
  if (replaced)
    return wentWithWarehouse(content, replaced, {
      stored: sentences,
      feed,
      isBack: path === 'mine' || path === 'foreign',
    });
  const { truth, acts } = judge({
    row: rowOf(content),
    job: 'none',
    line: 'not_looked',
    sealed: 'not_looked',
    path,
    back: content.state === 'withdrawn' ? 'taken_out' : 'no',
  });
  if (truth === 'withdrawn') {
    const isLeft = acts.includes('take_out');
    sentences.push(isLeft ? 'It is withdrawn, and a worker is to take it out.' : 'It was taken out again.');
    return verdict('withdrawn', sentences, isLeft ? undefined : allowsAgain(content, looked.view));
  }
  if (path === 'others_line') sentences.push('It is not there now: another file has come to its path since.');
  else if (content.state === 'unconfirmed') {
    sentences.push(
      'Nobody saw it there (unconfirmed): it was gone when its place was looked at, as when a consumer is quick.',
    );
  } else if (truth === 'gone') sentences.push('It is not there now: a consumer has taken it since.');
  return verdict('stored', sentences);
}

function wentWithWarehouse(
  { target, sha256 }: Content,
  { path, atMs }: Replaced,
  { stored, feed, isBack }: { stored: string[]; feed: FeedOptions; isBack: boolean },
): Verdict {
  const sentences = [
    ...stored,
    `That warehouse was replaced by an empty one at ${at(atMs)} (ingest-ctl replace-warehouse), and its files are no longer looked for.`,
    'Its content stays known: a file that brings it again is a duplicate.',
  ];
  const inside = (root: string) => Buffer.concat([Buffer.from(`${root}/`), target!]);
  const [name, here] = [shown(target!), `${feed.warehouse}/${shown(target!)}`];
  if (isBack) return verdict('stored', [...sentences, `A file lies at ${here} again.`]);
  const copy =
    path === feed.warehouse
      ? `mount the former warehouse elsewhere and copy its ${name} to ${here}`
      : `copy it from the former warehouse (cp -a ${quoted(inside(path))} ${quoted(inside(feed.warehouse))})`;
  const again = `${typed('ingest-ctl allow-again', sha256.toString('hex'), '--reason', 'WHY')}, then deliver it once more`;
  return verdict('stored', sentences, `to have it here again, ${copy}; or, where it is lost: ${again}`);
}

/** Uses names, sizes and rows only. An explanation opens no file. */
function pathFor(content: Content, { view, feed, files }: Looked): Case['path'] {
  const target = nameOfBytes(content.target!);
  const stat = statEntry(files.entryOrNone(files.warehouse, target));
  if (!stat) return 'free';
  if (content.state === 'withdrawn') return withdrawalOf(view, content) ? 'mine' : 'others_line';
  const holder = view.read((reader) => holderOf(reader, feed.name, ownName(content)!));
  return holder === 'its' ? 'mine' : holder;
}

/** The time of its line, which comes before the move. */
export const since = ({ ingestedAtMs }: Content): string => (ingestedAtMs === null ? '' : ` of ${at(ingestedAtMs)}`);

/** The manifest line has all of them. */
const TOLD_MAX = 20;

/** Outputs of the content: counts, and where each output is. Uses names and sizes; opens no file. */
function madeOf(content: Content, looked: Looked): string[] {
  const made = looked.view.read((reader) => processedOf(reader, content.row));
  if (!made) return [];
  const { chain, version, rows, rejected, outputs } = made;
  const counts = `Its chain (${safeText(chain)}, version ${version.slice(0, 12)}) found ${records(rows)}, ${rejected} of them rejected, and made ${outputs.length === 1 ? '1 output' : `${outputs.length} outputs`}.`;
  const more = outputs.length > TOLD_MAX ? [`${outputs.length - TOLD_MAX} more outputs are in its line.`] : [];
  return [counts, ...outputs.slice(0, TOLD_MAX).map((output) => outputText(output, content, looked)), ...more];
}

function outputText({ tag, target, rows, size }: Output, content: Content, { feed, files }: Looked): string {
  const what = `Output ${tag === '' ? '_empty' : safeText(tag)} (${records(rows)}, ${bytes(size)})`;
  if (target === null) return `${what}: it gets its name with its line.`;
  const where = `${feed.warehouse}/${shown(target)}`;
  const stat = statEntry(files.entryOrNone(files.warehouse, nameOfBytes(target)));
  if (!hasEnded(content)) return `${what} is to lie at ${where}.`;
  if (stat?.size === size) return `${what}: ${where}.`;
  return `${what}: ${where}; ${stat ? 'another file lies there now' : 'it is not there now'}.`;
}

const records = (n: number): string => (n === 1 ? '1 record' : `${n} records`);
