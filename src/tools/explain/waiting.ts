/**
 * Describes why a job does not go on at the moment: the rule of its stage, a closed gate, a backoff, no worker.
 * The rule is applied as in verify-complete, to the file on disk now. No file is opened, so a remaining writer is only known from
 * the stage's last answer.
 */
import type { Gate, Job, QueueView } from '../../../queue/index.js';
import type { FeedOptions } from '../../base/config/options.js';
import { PUBLISH } from '../../base/config/values/stage-names.js';
import { openersOf } from '../../base/shell.js';
import { NAME_BYTES_MAX } from '../../files/job-paths.js';
import { type FeedFiles, statEntry } from '../../ingest/files/feed-files.js';
import { sidecarOf } from '../../ingest/files/sidecar.js';
import { pauseText, resumes } from '../../ingest/health/pause.js';
import { BELOW_MARK, NO_ROOM } from '../../ingest/health/room-to-copy.js';
import { type Standstill, standstillOf, unwatched } from '../../ingest/health/standstill.js';
import { completion, type SidecarSeen, stabilityMs, unchangedMs } from '../../ingest/rules/completion.js';
import { factsOf, type JobFacts, workKeyOf } from '../../ingest/rules/facts.js';
import { MOUNT_MISSING } from '../../ingest/stages/each-job.js';
import { codeOf, reasonOf } from '../../ingest/stages/reasons.js';
import { liesAtOf } from '../../ingest/upkeep/lies-at.js';
import { type ByteName, clockEpoch, nameOfBytes, type Stat } from '../../linux/index.js';
import { at, bytes, inTime, seconds, shown, type Verdict, verdict } from './words.js';

export interface Looked {
  view: QueueView;
  statePath: string;
  feed: FeedOptions;
  files: FeedFiles;
}

/** A rule's answer. `promise`: what happens next by itself, as long as a worker runs. */
type Rule = Verdict & { promise?: string };

export function waiting(job: Job, looked: Looked): Verdict {
  const closed = gatesOf(job, looked.view);
  if (closed.length > 0) return behindGates(closed);
  const { view, feed, statePath } = looked;
  const leftMs = job.dueMs - view.nowMs();
  if (job.attempts > 0 && job.reason !== null && job.trail.at(-1)?.outcome === 'retry') {
    return verdict(
      'retrying',
      `${job.stage} failed ${job.attempts} ${job.attempts === 1 ? 'time' : 'times'}; the last error: ${job.reason}`,
      leftMs > 0 ? `it is tried again by itself ${inTime(leftMs)}` : undefined,
    );
  }
  const facts = factsOf(job);
  const isSealed = facts.sealed !== undefined || facts.putAway !== undefined || job.stage !== 'verify-complete';
  const ruleOf = (): Rule => {
    if (job.stage === PUBLISH && facts.putAway === undefined) return publishRule(job, leftMs);
    if (job.trail.at(-1)?.why === MOUNT_MISSING) return withoutMount(job, leftMs);
    if (isSealed) return sealedRule(job, facts, feed, { path: liesAtOf(view)(job), leftMs });
    return inputRule(job, facts, looked);
  };
  const { promise, ...rule } = ruleOf();
  const idle = standstillOf(job.stage, view, statePath) ?? (isSealed ? undefined : unnoticed(job, looked));
  if (!idle) return { ...rule, sentences: [...rule.sentences, ...(promise === undefined ? [] : [promise])] };
  const release = [idle.release, ...(rule.release === undefined ? [] : [rule.release])].join('; besides: ');
  return verdict(rule.verdict, [...rule.sentences, idle.sentence], release);
}

function withoutMount({ key, bytes }: Job, leftMs: number): Rule {
  const { sentence, release } = reasonOf(MOUNT_MISSING).finding!;
  const at = nameOfBytes(key);
  const one = { which: shown(at), at, bytes, refusals: 0, host: '' };
  const promise = `It is tried again by itself ${inTime(leftMs)}, and no attempt is spent.`;
  return promising(verdict('waiting', sentence(one), release(one)), promise);
}

/** A worker checks the job when it is due, but nobody notices what arrives for the file before, such as its sidecar. */
function unnoticed({ dueMs }: Job, { view, feed }: Looked): Standstill | undefined {
  const idle = unwatched(feed.name, view);
  return idle && { ...idle, sentence: `${idle.sentence} Its next check is ${inTime(dueMs - view.nowMs())}.` };
}

const promising = (rule: Verdict, promise: string): Rule => ({ ...rule, promise });

const gatesOf = (job: Job, view: QueueView): Gate[] =>
  view.gates().filter((g) => [job.feed, '*'].includes(g.feed) && [job.stage, '*'].includes(g.stage));

/** All of them: the job goes on when the last one is open. */
const behindGates = (gates: readonly Gate[]): Verdict =>
  verdict('behind_gate', gates.map(whatCloses), [...new Set(gates.map(whatOpens))].join('; besides: '));

function whatCloses(gate: Gate): string {
  const stage = gate.stage === '*' ? 'Every stage' : `The stage ${gate.stage}`;
  return gate.cause === 'pause'
    ? `${stage} was paused at ${at(gate.sinceMs)} ${pauseText(gate)}.`
    : `${stage} is closed since ${at(gate.sinceMs)} (${gate.code}): ${gate.reason}.`;
}

const whatOpens = (gate: Gate): string =>
  gate.cause === 'pause'
    ? resumes(gate)
    : 'it goes on by itself as soon as that is repaired; it is checked again and again, and no attempt is spent';

function inputRule(job: Job, facts: JobFacts, { view, feed, files }: Looked): Rule {
  const path = nameOfBytes(job.key);
  const stat = statEntry(files.entryOrNone(files.input, path));
  if (stat?.kind !== 'file') {
    return verdict(
      'waiting',
      'It is not in the input any more; its job ends at its next check, and nothing of it was taken.',
    );
  }
  const last = job.trail.at(-1)?.why;
  const sidecar = sidecarSeen(job, feed, files, last);
  const rule = completion(feed, facts.seen!, stat, sidecar, { ms: view.nowMs(), boot: clockEpoch() });
  if (rule.complete) {
    if (last === 'writer_open') return writerOpen(facts, job, view);
    const next = inTime(job.dueMs - view.nowMs());
    return promising(verdict('waiting', 'Its rule holds: it is complete.'), `It is sealed at its next check: ${next}.`);
  }
  switch (rule.why) {
    case 'no_sidecar':
      return withoutSidecar(sidecarOf(path, feed), files);
    case 'sidecar_open':
      return verdict(
        'waiting',
        'Its sidecar is there, but somebody is still writing it.',
        'the writer has to close it',
      );
    case 'partial_upload':
      return verdict(
        'waiting',
        `Its mtime is 0, as rsync --partial leaves a file that it could not finish: it is taken when it has not changed for ${seconds((feed.partialUploadSeconds ?? 0) * 1_000)} (--partial-upload-seconds), and ${seconds(rule.inMs)} of that are left.`,
        'touch it, if it is whole, or give it a sidecar with its checksum',
      );
    default:
      return windowRuns(feed, facts, stat, sidecar, rule.seen !== undefined, rule.inMs);
  }
}

function withoutSidecar(sidecar: ByteName, files: FeedFiles): Verdict {
  // A name of bytes has a character for each.
  const isTooLong = sidecar.length - sidecar.lastIndexOf('/') - 1 > NAME_BYTES_MAX;
  if (isTooLong)
    return verdict(
      'waiting',
      `It waits for its sidecar, whose name would have more than ${NAME_BYTES_MAX} bytes: nobody can deliver that.`,
      'deliver the file again under a shorter name, and remove this one',
    );
  const kind = statEntry(files.entryOrNone(files.input, sidecar))?.kind;
  const is = kind === undefined || kind === 'file' ? 'is not there' : `is a ${kind}, and only a regular file counts`;
  return verdict(
    'waiting',
    `It waits for its sidecar: ${shown(sidecar)} ${is}.`,
    'the uploader has to deliver the sidecar; its arrival is noticed',
  );
}

function windowRuns(
  feed: FeedOptions,
  facts: JobFacts,
  stat: Stat,
  sidecar: SidecarSeen,
  anew: boolean,
  leftMs: number,
): Rule {
  const wholeMs = unchangedMs(feed, facts.seen!, stat, sidecar);
  const rule = `It has to stay unchanged for ${seconds(wholeMs)} (--stability-seconds ${feed.stabilitySeconds}, --quiet-ms ${feed.quietMs})`;
  return anew
    ? verdict(
        'waiting',
        `${rule}, and it was changed since it was last looked at: that time begins again.`,
        'nobody may write to it for so long',
      )
    : promising(verdict('waiting', `${rule}: ${seconds(leftMs)} of that are left.`), 'Then it is taken.');
}

function writerOpen(facts: JobFacts, job: Job, view: QueueView): Verdict {
  return verdict(
    'waiting',
    `Somebody still has it open (or mapped) for writing: ${facts.refusals ?? 1} checks in a row found it open; the next check is ${inTime(job.dueMs - view.nowMs())}.`,
    `the writer has to close it; its process: ${openersOf(liesAtOf(view)(job)!)}. The file is never taken from under a writer`,
  );
}

/** The seal moves the sidecar first: it may lie in underprocess/ while its file could not be moved yet. */
function sidecarSeen(job: Job, feed: FeedOptions, files: FeedFiles, last: string | undefined): SidecarSeen {
  if (feed.mode !== 'sidecar') return { kind: 'missing' };
  const key = workKeyOf(job);
  const inWork = files.canHold(key) ? statEntry(files.workEntry(key, 'sidecar')) : undefined;
  const stat = inWork ?? statEntry(files.entryOrNone(files.input, sidecarOf(key.path, feed)));
  if (stat?.kind !== 'file') return { kind: 'missing' };
  if (last === 'sidecar_open') return { kind: 'open' };
  return { kind: 'there', ctimeNs: stat.ctimeNs, hasChecksum: last !== 'partial_upload' };
}

/** Its content says where the file lies, and where the object is to be. */
const publishRule = (job: Job, leftMs: number): Rule =>
  verdict('sealed', `It waits for its turn to be published${whyLater(job, leftMs)}.`);

const whyLater = ({ reason }: Job, leftMs: number): string =>
  leftMs > 0 && reason !== null ? `: ${reasonOf(codeOf(reason, 0)).short}` : '';

function sealedRule(
  job: Job,
  facts: JobFacts,
  feed: FeedOptions,
  { path, leftMs }: { path: ByteName | undefined; leftMs: number },
): Rule {
  if (facts.putAway) {
    const decided = `It is decided (${facts.putAway.kind}); only its file has to be put away.`;
    return promising(verdict('sealed', decided), 'That is done when its turn comes.');
  }
  if (facts.carriedBy !== undefined)
    return verdict(
      'waiting_for_content',
      `Host ${facts.carriedBy} has its content under way: when that one is stored, this one is a duplicate of it. The shared ledger is asked again and again.`,
      `look at host ${facts.carriedBy} (queue-stat --fleet); where it is gone for ever, ingest-ctl host forget ${facts.carriedBy}`,
    );
  const window = facts.sealed?.window;
  if (window) {
    const why = job.trail.at(-1)?.why ?? 'window';
    return verdict(
      'sealed',
      `It was sealed into underprocess/, and there it has to stay unchanged for ${seconds(stabilityMs(feed))} more (${why}${facts.sealed!.because ? `, ${facts.sealed!.because}` : ''}).`,
      why === 'writer_open' && path !== undefined
        ? `the writer has to close it; its process: ${openersOf(path)}`
        : undefined,
    );
  }
  if (facts.noRoom !== undefined && job.reason === NO_ROOM) {
    const again = 'it is tried again by itself, after longer and longer waits, after the others';
    return verdict(
      'sealed',
      `It has to be copied, and there was no room for its ${bytes(facts.copyBytes ?? job.bytes)}.`,
      again,
    );
  }
  if (job.reason === BELOW_MARK) {
    const left = `${bytes(feed.minFreeBytes)} (--min-free-bytes) would not stay free of ${feed.warehouse}`;
    const release = 'free some space there, or lower the watermark; it is checked again by itself';
    return verdict('sealed', `It has to be copied, and with its ${bytes(job.bytes)} ${left}.`, release);
  }
  return promising(
    verdict('sealed', 'It was sealed (it lies in underprocess/).'),
    `It waits for its turn in the stage ${job.stage}${whyLater(job, leftMs)}.`,
  );
}
