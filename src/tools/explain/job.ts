/** Describes a job in sentences for an operator: one verdict per state, and what would release the job. */
import type { Job, QueueView } from '../../../queue/index.js';
import { PUBLISH } from '../../base/config/values/stage-names.js';
import { remedyOf } from '../../base/remedy.js';
import { DUPLICATES, FAILED, UNDERPROCESS, type WorkFolder } from '../../files/job-paths.js';
import { statEntry } from '../../ingest/files/feed-files.js';
import { claimantOf, releaseOf, standsStill } from '../../ingest/health/standstill.js';
import { type Content, contentByRow, hasEnded, shownPlace } from '../../ingest/ledger/content.js';
import { exceptionsOf } from '../../ingest/ledger/exceptions.js';
import { factsOf, workKeyOf } from '../../ingest/rules/facts.js';
import { type ByteName, nameOfBytes } from '../../linux/index.js';
import { allowsAgain, exception, ofContent, since } from './content.js';
import { type Looked, waiting } from './waiting.js';
import { at, shown, type Verdict, verdict } from './words.js';

export function ofJob(job: Job, looked: Looked): Verdict {
  switch (job.state) {
    case 'ready':
      return storedSo(job, looked, waiting(job, looked));
    case 'claimed':
      return storedSo(job, looked, claimed(job, looked.view));
    case 'waiting':
      return waitsForTwin(job, looked);
    case 'held':
      return held(job, looked);
    case 'done':
      return ended(job, looked);
  }
}

/** If the file is in the warehouse, and is only to be published or has other files left to put away, its path there comes first. */
function storedSo(job: Job, looked: Looked, left: Verdict): Verdict {
  const { content: row, putAway } = factsOf(job);
  const content = row === undefined ? undefined : looked.view.read((r) => contentByRow(r, row));
  const isStored = putAway ? putAway.kind === 'stored' : job.stage === PUBLISH;
  if (!isStored || !content || !hasEnded(content)) return left;
  const { verdict: word, sentences } = ofContent(content, looked);
  return verdict(word, [...sentences, ...left.sentences], left.release);
}

function claimed(job: Job, view: QueueView): Verdict {
  const owner = claimantOf(job.owner, view);
  if (owner) {
    const has = `The process "${owner.title}" (pid ${owner.pid}) has it for ${job.stage}`;
    const why = standsStill([owner]);
    if (why !== undefined)
      return verdict('claimed', `${has}, and ${why}: it waits for that process.`, releaseOf([owner]));
    const hand = [owner.job, ...owner.thread_jobs].includes(job.id)
      ? ' and works on it just now'
      : ', in a batch with others';
    return verdict('claimed', `${has}${hand}.`);
  }
  return verdict(
    'claimed',
    `A process that has died had it for ${job.stage}; it is taken from there by the next one.`,
    'another worker takes it within a second; where none is running: start ingest (or ingest-worker)',
  );
}

function waitsForTwin(job: Job, looked: Looked): Verdict {
  const { view, feed } = looked;
  const row = Number(/^content:(\d+)$/.exec(job.waitsOn ?? '')?.[1] ?? -1);
  const content = view.read((r) => contentByRow(r, row));
  const carrier = content && view.job(content.carrier);
  if (!carrier) return verdict('waiting_for_content', `It waits for ${job.waitsOn}.`);
  const of = ofJob(carrier, looked);
  return verdict(
    'waiting_for_content',
    [
      `Its content is the same as that of ${shown(`${feed.input}/`)}${shown(nameOfBytes(carrier.key))} (job ${carrier.id}), which is on its way: when that one is stored, this one is a duplicate of it.`,
      `That one: ${of.sentences.join(' ')}`,
    ],
    of.release === undefined ? undefined : `of that one: ${of.release}`,
  );
}

function held(job: Job, looked: Looked): Verdict {
  const code = job.holdCode ?? '';
  return verdict(
    'held',
    [
      `It is held since ${at(job.updatedAtMs)} (${code}), and nothing is done with it until somebody acts.`,
      sentence(job),
      ...lies(job, looked),
    ],
    remedyOf(code, job.id, job.feed),
  );
}

/** The disk is looked at: a person may have moved the file. */
function lies(job: Job, looked: Looked): string[] {
  const { content: row, sealed, putAway } = factsOf(job);
  if (putAway?.kind === 'withdrawn') return [];
  const content = job.stage === PUBLISH ? looked.view.read((r) => contentByRow(r, row ?? -1)) : undefined;
  if (content) return ofContent(content, looked).sentences;
  if (sealed) return [whereIs(job, UNDERPROCESS, looked) ?? 'It does not lie in underprocess/ any more.'];
  const { files, feed } = looked;
  const isThere = statEntry(files.entryOrNone(files.input, nameOfBytes(job.key))) !== undefined;
  return [isThere ? `It lies in the input, ${feed.input}.` : `It does not lie in the input, ${feed.input}, any more.`];
}

/** A chain begins its reason with the name of the file, which stays as it is. */
const sentence = ({ reason, key }: Job): string =>
  reason?.startsWith(key.toString('utf8')) ? `${reason}.` : `${capital(reason ?? '')}.`;

/** How a content came that no file of this input brought. */
const CAME: { [State in Content['state']]?: string } = { learned: ', which was loaded by other means', elsewhere: '' };

const capital = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}`;

function ended(job: Job, looked: Looked): Verdict {
  const facts = factsOf(job);
  const content = looked.view.read((r) => contentByRow(r, facts.content ?? -1));
  const when = at(job.updatedAtMs);
  switch (job.ending) {
    case 'stored':
      return content ? ofContent(content, looked, job.updatedAtMs) : verdict('stored', `It was stored at ${when}.`);
    case 'duplicate': {
      const { of } = facts.putAway ?? {};
      const first = content
        ? (CAME[content.state] ?? `, which came from ${shown(content.sourcePath)}, with its line${since(content)}`)
        : '';
      const place = shownPlace(looked.feed.warehouse, (of ?? '') as ByteName);
      const before = facts.putAway?.note === 'record_pruned' ? `, with its line in ${place}` : `, as ${place}${first}`;
      const lies =
        whereIs(job, DUPLICATES, looked) ??
        'Its copy was deleted (--on-duplicate delete), or taken away from duplicates/ since.';
      if (content?.state !== 'withdrawn') {
        const newest = content && newestOf(job, content, looked.view);
        return verdict(
          'duplicate',
          [
            `Its content was there before${before}: it is a duplicate since ${when}.`,
            ...(newest?.sentences ?? []),
            lies,
          ],
          newest?.release,
        );
      }
      return verdict(
        'duplicate',
        [
          `Its content was ingested before${before}, and that file was withdrawn: it is a duplicate since ${when} all the same.`,
          ...looked.view.read((r) => exceptionsOf(r, content)).map((one) => exception(one, content, looked.view)),
          lies,
        ],
        allowsAgain(content, looked.view),
      );
    }
    case 'discarded':
      return verdict('discarded', [
        `An operator discarded it; it was put away at ${when}.`,
        whereIs(job, FAILED, looked) ?? 'It does not lie in failed/ any more.',
      ]);
    case 'withdrawn':
      return verdict('withdrawn', [
        `${facts.putAway?.by ?? 'An operator'} withdrew it (${facts.putAway?.note ?? ''}); it was taken out of the warehouse at ${when}.`,
        whereIs(job, FAILED, looked) ??
          'It does not lie in failed/: it was not in the warehouse any more, or was removed since.',
      ]);
    default:
      return verdict('dropped', dropped(job.trail.at(-1)?.why), 'nothing of it was taken: deliver it again');
  }
}

/** A, B, A: what was stored last from that path is another content. */
function newestOf(job: Job, content: Content, view: QueueView) {
  const newest = view.jobsByKey(job.feed, job.key).find(({ ending }) => ending === 'stored');
  if (!newest || newest.id > job.id || factsOf(newest).content === content.row) return undefined;
  const stored = `What was stored last from this path, at ${at(newest.updatedAtMs)}, has another content: readers have that one as the newest.`;
  return { sentences: [stored], release: allowsAgain(content, view) };
}

function dropped(why: string | undefined): string {
  const [, how, what] = /^(became|ignored)_(\w+)$/.exec(why ?? '') ?? [];
  if (how === 'became') return `Before it was sealed, a ${what} lay under its name instead of the file.`;
  if (how === 'ignored')
    return `A filter of the feed (${what}) had come before it was sealed, so it was left in the input.`;
  return 'It vanished from the input (was renamed or removed) before it was sealed.';
}

/** The path of a job's file in a folder of its work directory. */
function whereIs(job: Job, folder: WorkFolder, { files }: Looked): string | undefined {
  const key = workKeyOf(job);
  if (!files.canHold(key) || !statEntry(files.workEntry(key, 'file', folder))) return undefined;
  const root = key.inside === '' ? files.roots.work : `${files.roots.input}/${shown(key.inside)}/.ingest`;
  return `It lies in ${root}/${shown(files.workPath(key, 'file', folder))}.`;
}
