/**
 * process: takes the sealed file of a new content through its feed's chain, in a child process (src/ingest/chains/), and records the outputs.
 * Guarantees: an output counts once it is recorded, in the transaction that settles the job; by then it is on disk, and nobody has it
 * open. Outputs of an earlier try are removed before the next one, and a recorded output is never made again.
 * Does not: give an output its name in the warehouse: manifest reserves the name, and move renames the output.
 */
import type { Outcome, Tx } from '../../../queue/backend.js';
import { writesForReaders } from '../../base/config/values/process.js';
import { isOfPlace, PlaceError, placeError } from '../../files/place-error.js';
import { shownName } from '../../linux/index.js';
import type { Report } from '../../process/messages.js';
import type { FinishAnswer } from '../calls/order.js';
import type { ChainEnd } from '../chains/chains.js';
import { countProcessed } from '../chains/counts.js';
import { faultOf } from '../chains/fault.js';
import { noteHeader, processedOf, recordProcessed } from '../chains/recorded-outputs.js';
import type { Content } from '../ledger/content.js';
import { payloadOf } from '../rules/facts.js';
import { AT_ONCE_MS, TURN } from '../rules/reasons.js';
import { askOne, byErrno, eachJob, sealedMissing, waits } from './each-job.js';
import { changed, sourceOf } from './move.js';
import {
  type Batch,
  defer,
  hold,
  type IngestJob,
  longerMs,
  retry,
  type Stage,
  tell,
  type Verdict,
  verdictsOf,
} from './stage.js';

/** If so many processes died in which this file was alone, it is the cause. The first death may be the machine's (it needed memory). */
const DEATHS_MAX = 2;

const NO_ROOM = 'no_room_for_outputs';
const ROOM_FIRST_MS = 5_000;
const ROOM_LONGEST_MS = 300_000;

export const process: Stage = {
  name: 'process',
  places: ['work', 'warehouse', 'process'],
  ofContent: true,
  byBytes: true,
  batchMax: 1,
  reasons: {
    process_again: TURN,
    process_died: TURN,
    no_room_for_outputs: {
      short: 'no room for outputs',
      who: 'operator',
      finding: {
        code: 'low_space',
        afterMs: AT_ONCE_MS,
        sentence: ({ which }) =>
          `The outputs of ${which} need more than is free at the warehouse above --min-free-bytes.`,
        release: () =>
          'free some space there, or lower the watermark; the file is processed again by itself within five minutes',
      },
    },
  },

  async run(jobs, batch, contents) {
    const handled = await eachJob(jobs, batch, (job) => processOne(job, batch, contents.get(job)!), false);
    return { verdicts: verdictsOf(this.name, batch, handled) };
  },
};

function processOne(job: IngestJob, batch: Batch, content: Content): Verdict | Promise<Verdict> {
  return withoutChain(job, batch, content) ?? throughChain(job, batch, content);
}

/** Undefined where the content must be processed now. */
function withoutChain(job: IngestJob, batch: Batch, content: Content): Verdict | undefined {
  // A planned line states the outputs. It was planned before the feed had a chain, or from recorded outputs.
  const isPlanned = content.state !== 'carried' || content.target !== null;
  const isRecorded = batch.backend.read((reader) => processedOf(reader, content.row)) !== undefined;
  if (!isPlanned && !isRecorded) return undefined;
  const facts = isRecorded ? { ...job.facts, processed: true as const } : job.facts;
  return { outcome: { kind: 'advance', payload: payloadOf(facts) } };
}

async function throughChain(job: IngestJob, batch: Batch, content: Content): Promise<Verdict> {
  const begun = await askOne(batch, 'begin_outputs', sourceOf(job), job);
  if (begun.kind !== 'begun') return begun.kind === 'changed' ? changed(job) : sealedMissing(job, batch);
  const { feed } = batch;
  const file = {
    kind: 'file' as const,
    job: job.id,
    path: begun.path,
    name: shownName(job.path),
    size: content.size,
    directory: begun.directory,
    claim: job.claim.claimNo,
    minFreeBytes: feed.minFreeBytes,
  };
  const end = await batch.chains.run(feed, file, job.facts.chainDeaths !== undefined);
  if (end.kind === 'done') return finished(job, batch, content, end);
  // A child that was killed has left its unfinished outputs.
  await askOne(batch, 'begin_outputs', sourceOf(job), job);
  return judgeEnd(job, batch, end);
}

function judgeEnd(job: IngestJob, batch: Batch, end: Exclude<ChainEnd, { kind: 'done' }>): Verdict {
  const { feed } = batch;
  switch (end.kind) {
    case 'no_room':
      return withoutRoom(job, batch);
    case 'failed':
      if (end.errno === undefined) return retry('process_failed', end.reason);
      if (end.ofOutput && isOfPlace('write', end.errno)) throw placeError('warehouse', feed.warehouse, end.errno);
      return byErrno(job, end.errno, end.reason);
    case 'unloadable':
      throw new PlaceError(
        'process',
        feed.process!.module ?? feed.name,
        'unloadable',
        `the chain of feed ${feed.name} cannot be loaded: ${end.reason}`,
      );
    case 'again':
      return defer(0, 'process_again', { ...job.facts, chainDeaths: job.facts.chainDeaths ?? 0 });
    case 'bad':
    case 'stuck':
      return held(job, faultOf(end));
    case 'died':
      return died(job, faultOf(end));
  }
}

/** Each time the file is read and written up to the watermark, so it waits longer and longer. */
const withoutRoom = (job: IngestJob, batch: Batch): Verdict =>
  waits(job, defer(longerMs(job, NO_ROOM, ROOM_FIRST_MS, ROOM_LONGEST_MS), NO_ROOM), () => {
    const reason = `its outputs need more than is free at ${batch.feed.warehouse} above --min-free-bytes`;
    tell(batch, job, 'copy_waits', { bytes: job.claim.bytes, reason });
  });

const held = ({ facts }: IngestJob, { code, reason }: ReturnType<typeof faultOf>): Verdict =>
  hold(code, reason, { ...facts, chainDeaths: undefined });

function died(job: IngestJob, { code, reason }: ReturnType<typeof faultOf>): Verdict {
  const chainDeaths = (job.facts.chainDeaths ?? 0) + 1;
  if (chainDeaths < DEATHS_MAX) return defer(0, 'process_died', { ...job.facts, chainDeaths });
  return held(job, { code, reason: `${reason}, ${chainDeaths} times with this file` });
}

async function finished(
  job: IngestJob,
  batch: Batch,
  content: Content,
  { report, version }: Extract<ChainEnd, { kind: 'done' }>,
): Promise<Verdict> {
  const outputs = report.outputs.map(({ n }) => n);
  const answer = await askOne(batch, 'finish_outputs', { ...sourceOf(job), claimNo: job.claim.claimNo, outputs }, job);
  switch (answer.kind) {
    case 'finished':
      return recorded(job, batch, content, { report, version, answer });
    case 'changed':
      return changed(job);
    case 'no_source':
      return sealedMissing(job, batch);
    case 'output_missing':
      return retry(
        'output_missing',
        `output ${answer.n} of job ${job.id} is not in the warehouse's temporary directory any more`,
      );
    case 'output_open':
      return retry(
        'output_open',
        `output ${answer.n} of job ${job.id} is open for writing, or has a second name: a processor must not leave a process running`,
      );
  }
}

interface Made {
  report: Report;
  version: string;
  answer: Extract<FinishAnswer, { kind: 'finished' }>;
}

function recorded(job: IngestJob, batch: Batch, content: Content, made: Made): Verdict {
  const { report } = made;
  const facts = { ...job.facts, chainDeaths: undefined, processed: true as const };
  let headerBefore: string[] | undefined;
  const outcome = (tx: Tx): Outcome => {
    const processed = processedBy(job, batch, made);
    recordProcessed(tx, content.row, processed);
    countProcessed(tx, batch.feed.name, processed);
    if (report.headerSha256 !== undefined)
      headerBefore = noteHeader(tx, batch.feed.name, report.headerSha256, report.header ?? []);
    return { kind: 'advance', payload: payloadOf(facts) };
  };
  return {
    outcome,
    onSettled: () => {
      tell(batch, job, 'file_processed', {
        rows: report.records,
        rejected: report.rejected,
        first_rejected: report.firstRejected,
        outputs: report.outputs.length,
      });
      if (headerBefore)
        tell(batch, job, 'header_changed', { before: headerBefore.join(','), header: report.header?.join(',') });
    },
  };
}

const processedBy = ({ claim }: IngestJob, { feed }: Batch, { report, version, answer }: Made) => ({
  claimNo: claim.claimNo,
  isOriginal: writesForReaders(feed.process!),
  chain: feed.process!.start,
  version,
  rows: report.records,
  rejected: report.rejected,
  columns: report.columns ?? null,
  headerSha256: report.headerSha256 ?? null,
  outputs: answer.outputs.map(({ sha256, ...its }, i) => {
    const { tag, name, extension, rows } = report.outputs[i]!;
    return {
      ...its,
      tag,
      rows,
      suffix: `.${name}${extension === '' ? '' : `.${extension}`}`,
      sha256: Buffer.from(sha256, 'hex'),
      target: null,
    };
  }),
});
