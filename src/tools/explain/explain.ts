/**
 * `ingest-ctl explain PATH`: says why a file is not in yet, or where it went. It shows every stage, attempt and time, the rule that
 * the file waits for, and what would release it.
 * Guarantees: changes nothing in the state or on disk, and opens no file of an input. Does not fail where the shared ledger is away,
 * nor hang where a filesystem is dead.
 */
import type { Job, Json } from '../../../queue/backend.js';
import type { QueueView } from '../../../queue/index.js';
import type { FeedOptions } from '../../base/config/options.js';
import { safeText } from '../../base/telemetry/safe.js';
import { DUPLICATES } from '../../files/job-paths.js';
import { isInMountRoot } from '../../files/mounts.js';
import { PlaceError } from '../../files/place-error.js';
import { FeedFiles, type Roots, statEntry } from '../../ingest/files/feed-files.js';
import { recordedRoots } from '../../ingest/files/recorded-roots.js';
import { deadRoots } from '../../ingest/health/dead-roots.js';
import { standstillOf, unwatched } from '../../ingest/health/standstill.js';
import type { Content } from '../../ingest/ledger/content.js';
import { prunedUntil } from '../../ingest/ledger/pruned.js';
import { PRODUCER } from '../../ingest/ledger/services.js';
import { waitsForJob } from '../../ingest/periods/period.js';
import { factsOf } from '../../ingest/rules/facts.js';
import { makeFilters, NOT_RECURSIVE, TO_RECURSE } from '../../ingest/rules/filters.js';
import { liesAtOf } from '../../ingest/upkeep/lies-at.js';
import { type ByteName, LinuxError, nameOfBytes, shownName, userName } from '../../linux/index.js';
import { ofContent } from './content.js';
import type { Elsewhere } from './elsewhere.js';
import { type Found, find, findByName, JOB_ID, SHA256, worksOf } from './find.js';
import { asJson, asText, type Part } from './format.js';
import { ofJob } from './job.js';
import type { Looked } from './waiting.js';
import { at, bytes, shown, type Verdict, verdict } from './words.js';

/** Versions of one path that are shown. The others are counted. */
const TOLD_MAX = 20;

const UNKNOWN = 'unknown';

/** `isKnown`: the file is in an input, or a job, a stored content or a rule is about it. */
export async function explain(
  view: QueueView,
  feeds: readonly FeedOptions[],
  word: string,
  statePath: string,
  elsewhere?: Elsewhere,
): Promise<{ text: string; json: Json; isKnown: boolean }> {
  const ofNoFeed = JOB_ID.test(word) ? view.job(word) : undefined;
  if (ofNoFeed && !feeds.some(({ name }) => name === ofNoFeed.feed)) {
    const part = ofRow(view, ofNoFeed);
    const found = [asJson({ feed: { name: ofNoFeed.feed }, key: ofNoFeed.key }, part)];
    return { text: asText(part), json: { asked: word, found }, isKnown: true };
  }
  const partsOfAll = (found: readonly Found[]) =>
    Promise.all(found.map(async (one) => ({ one, parts: await partsOf(view, one, statePath) })));
  let answers = await partsOfAll(await find(view, feeds, word));
  if (!answers.some(knowsIt)) {
    const byName = findByName(view, feeds, word);
    if (byName.length > 0) answers = await partsOfAll(byName);
  }
  // A feed that knows the file has the answer. The others would only say that they do not.
  if (answers.some(knowsIt)) answers = answers.filter(knowsIt);
  if (answers.length === 0) {
    const sentence = SHA256.test(word)
      ? 'No content of this state has that SHA-256.'
      : 'It lies in no folder of this state, and no job or stored file has that name.';
    const inputs = feeds.map(({ input }) => input).join(', ') || 'none yet';
    const sentences = [sentence, ...beyondMemory(view, feeds), `The inputs are: ${inputs}.`];
    return {
      text: [shown(Buffer.from(word)), ...sentences].join('\n  '),
      json: { asked: word, found: [{ verdict: UNKNOWN, sentences: sentences.slice(0, -1) }] },
      isKnown: false,
    };
  }
  for (const { parts } of answers)
    for (const { content, sentences } of elsewhere ? parts : [])
      if (content) sentences.push(await elsewhere!.sentence(content));
  const text = answers.flatMap(({ parts }) => parts.map(asText)).join('\n\n');
  return {
    text,
    json: { asked: word, found: answers.flatMap(({ one, parts }) => parts.map((part) => asJson(one, part))) },
    isKnown: answers.some(({ parts }) => parts.some((part) => part.verdict !== UNKNOWN)),
  };
}

/** All that is known of a job whose feed is none of those that are asked about. */
function ofRow(view: QueueView, job: Job): Part {
  const isThere = view.feeds().some(({ name }) => name === job.feed);
  const state = job.ending === null ? `It is ${job.state} in ${job.stage}` : `It has ended (${job.ending})`;
  const feed = isThere ? 'which was not asked about' : 'which is not in the state any more: it was retired';
  return {
    title: `${shown(nameOfBytes(job.key))} (feed ${job.feed}, job ${job.id}, ${bytes(job.bytes)})`,
    job,
    ...verdict(job.ending ?? job.state, `${state} since ${at(job.updatedAtMs)}, in feed ${job.feed}, ${feed}.`),
  };
}

/** `name`: of the file that was asked about, with its feed. */
function titleOf({ state, sha256, feed, sourcePath, ingestId, carrier, size }: Content, name: string): string {
  switch (state) {
    case 'pruned':
      return `${sha256.toString('hex')} (feed ${feed})`;
    case 'learned':
    case 'elsewhere':
      return `${shown(sourcePath)} (feed ${feed}, ${state}, ${bytes(size)})`;
    default:
      return `${name}, ingest_id ${ingestId ?? carrier}, ${bytes(size)})`;
  }
}

const knowsIt = ({ parts }: { parts: readonly Part[] }): boolean =>
  parts.some(({ verdict, isSupposed }) => verdict !== UNKNOWN && !isSupposed);

async function partsOf(view: QueueView, found: Found, statePath: string): Promise<Part[]> {
  const { feed, key, jobs, contents } = found;
  const files = new FeedFiles(rootsNow(view, feed), await deadRoots(view, feed));
  const looked: Looked = { view, statePath, feed, files };
  const name = `${feed.input}/${shown(nameOfBytes(key))} (feed ${feed.name}`;
  try {
    const parts: Part[] = [];
    const now = found.inInput ? inInput(found, looked) : undefined;
    if (now) parts.push({ title: `${name})`, ...now });
    for (const known of jobs.slice(0, TOLD_MAX)) {
      const job = { ...known, bytes: sizeNow(known, looked) };
      const path = `${feed.input}/${shown(nameOfBytes(job.key))}`;
      const title = `${path} (feed ${feed.name}, job ${job.id}, ${bytes(job.bytes)})`;
      const liesAt = job.state === 'held' ? liesAtOf(view)(job) : undefined;
      const { sha256 } = factsOf(job);
      parts.push({
        title,
        job,
        ...(liesAt !== undefined && { liesAt: shownName(liesAt) }),
        ...(sha256 !== undefined && { content: { feed: feed.name, sha256: Buffer.from(sha256, 'hex') } }),
        ...withPeriods(
          job,
          careful(() => ofJob(job, looked)),
          view,
        ),
      });
    }
    for (const content of contents.slice(0, TOLD_MAX)) {
      parts.push({ title: titleOf(content, name), content, ...careful(() => ofContent(content, looked)) });
    }
    const more = [jobs, contents].reduce((n, { length }) => n + Math.max(0, length - TOLD_MAX), 0);
    if (more > 0) parts.push({ title: name, ...verdict('more', `${more} more versions of that path came before.`) });
    if (parts.length > 0) return parts;
    const { forgottenIn } = found;
    return [{ title: `${name})`, ...(forgottenIn ? forgotten(view, feed, forgottenIn) : neverSeen(view, feed)) }];
  } finally {
    files.close();
  }
}

/** A file that is still in the input may have grown since its stage checked it. */
function sizeNow(job: Job, { files }: Looked): number {
  const { sealed } = factsOf(job);
  if (!job.keyed || sealed) return job.bytes;
  const stat = careful(() => statEntry(files.entryOrNone(files.input, nameOfBytes(job.key))));
  return stat && 'kind' in stat && stat.kind === 'file' ? stat.size : job.bytes;
}

/** The success markers that wait for this file. */
function withPeriods(job: Job, said: Verdict, view: QueueView): Verdict {
  const more = waitsForJob(view, job.id).map(
    ({ folder }) => `${folder} is over, and its _SUCCESS waits for this file.`,
  );
  return { ...said, sentences: [...said.sentences, ...more] };
}

/** Describes the file at the path now, if no job is about it. */
function inInput({ key, jobs }: Found, { view, statePath, feed, files }: Looked): Verdict | undefined {
  if (jobs.some((job) => job.keyed && job.state !== 'done')) return undefined;
  return careful(() => {
    const path = nameOfBytes(key);
    const entry = files.entryOrNone(files.input, path);
    const stat = statEntry(entry);
    const why = makeFilters(feed).whyNot(path, stat, () => entry !== undefined && isInMountRoot(entry));
    if (stat?.kind === 'directory') {
      return verdict(
        'ignored',
        feed.recursive
          ? 'It is a directory: ask for a file in it.'
          : `It is a directory, and ${NOT_RECURSIVE}: nothing in it is looked at.`,
        feed.recursive ? undefined : TO_RECURSE,
      );
    }
    if (why !== undefined && (stat || jobs.length === 0)) {
      if (why.rule === 'sidecar' && stat) return ofSidecar(path, { feed, files });
      const there = stat ? '' : 'There is no such file. If there were: ';
      const ignored = `${there}It is ignored (${why.rule}): ${safeText(why.sentence)}.`;
      const said = verdict('ignored', ignored, safeText(why.release));
      return stat ? said : ({ ...said, isSupposed: true } satisfies Verdict);
    }
    if (!stat) return undefined;
    const lies = 'It lies in the input, and was not noticed yet';
    const low = view.gates().find(({ cause, place }) => cause === 'watermark' && place === 'state');
    const idle = low
      ? { sentence: `New files are not noted: ${safeText(low.reason)}.`, release: 'free some space there' }
      : (standstillOf(PRODUCER, view, statePath) ?? unwatched(feed.name, view));
    return idle
      ? verdict('unseen', [`${lies}.`, idle.sentence], idle.release)
      : verdict('unseen', `${lies}: the next scan finds it, if no event does before.`);
  });
}

/** A sidecar that lies there: whether its data file lies there too, and is not ignored. */
function ofSidecar(path: ByteName, { feed, files }: Pick<Looked, 'feed' | 'files'>): Verdict {
  const data = path.slice(0, -Buffer.byteLength(feed.sidecarSuffix)) as ByteName;
  const stat = statEntry(files.entryOrNone(files.input, data));
  const says = `It is a sidecar (ignored by itself): it belongs to ${shown(data)}`;
  if (!stat) return verdict('ignored', `${says}, and ${shown(data)} is not there.`, `deliver ${shown(data)}`);
  const why = makeFilters(feed).whyNot(data, stat);
  if (!why) return verdict('ignored', `${says}, and is taken with it.`);
  return verdict(
    'ignored',
    `${says}, which is ignored (${why.rule}): ${safeText(why.sentence)}.`,
    safeText(why.release),
  );
}

const neverSeen = (view: QueueView, feed: FeedOptions): Verdict =>
  verdict(
    UNKNOWN,
    ['There is no such file, and none of that name was ever seen.', ...beyondMemory(view, [feed])],
    'deliver it, or ask for another path',
  );

const NO_HISTORY = 'The state has no history of it: that was pruned, or the state was made again by a rebuild.';

const forgotten = (view: QueueView, feed: FeedOptions, folder: NonNullable<Found['forgottenIn']>): Verdict =>
  folder === DUPLICATES
    ? verdict('duplicate', [
        'Its content was there before; it is a duplicate.',
        NO_HISTORY,
        ...beyondMemory(view, [feed]),
      ])
    : verdict('discarded', [
        'It was given up: an operator discarded or withdrew it, or what it belonged to.',
        NO_HISTORY,
        ...beyondMemory(view, [feed]),
      ]);

/** The state may have pruned it; the manifests still have it. */
function beyondMemory(view: QueueView, feeds: readonly FeedOptions[]): string[] {
  const until = view.read(prunedUntil);
  if (until === undefined) return [];
  const roots = [...new Set(feeds.map(({ manifests }) => manifests))].join(' ');
  return [
    `What ended before ${at(until)} was pruned from the state (--keep-history): the manifests have its line, if it was stored (grep -rF NAME ${roots}).`,
  ];
}

/** The failure of a place becomes a part of the answer. */
function careful<T>(look: () => T): T | Verdict {
  try {
    return look();
  } catch (error) {
    if (error instanceof PlaceError || error instanceof LinuxError) {
      const isDenied = error.code === 'EACCES' || error.code === 'EPERM';
      return verdict(
        'place',
        `It cannot be looked at: ${error.message}.`,
        isDenied
          ? `give the user ${userName()} permission to enter ${safeText(error.path || 'its folder')} (chmod, or chown)`
          : 'look at the folder and its mount',
      );
    }
    throw error;
  }
}

/** The roots as the options name them, with the markers that were recorded. */
const rootsNow = (view: QueueView, feed: FeedOptions): Roots => {
  const { input, manifests, warehouse } = feed;
  const { markers } = recordedRoots(view, feed.name);
  return { input, manifests, warehouse, work: worksOf(view, feed)[0]!, markers };
};
