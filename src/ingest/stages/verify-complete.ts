/**
 * verify-complete: finds out whether a file in the input is complete, and seals it: it is renamed into `underprocess/`, out of
 * the uploader's reach (src/ingest/calls/seal.ts).
 * Guarantees: the seal is on disk before the key is freed.
 */
import { DirtyDirectories } from '../../files/dirty.js';
import { folderOf } from '../../files/job-paths.js';
import type { SealAnswer, ToSeal } from '../calls/order.js';
import { putSidecarAside } from '../ends/put-away.js';
import { demandOf } from '../rules/checksum.js';
import { type JobFacts, payloadOf } from '../rules/facts.js';
import { AT_ONCE_MS, SIDECAR_LATE_MS } from '../rules/reasons.js';
import { judgeEach } from '../steps/each-job.js';
import type { IngestJob } from '../steps/job.js';
import { type Batch, defer, durably, orderOf, type Stage, type Step, writerMs } from '../steps/stage.js';
import { cannotOpen, immovable, nameTooLong, notPermitted, sizeRefused } from './refused.js';
import { notRead } from './unread-sidecar.js';

const PARTIAL = 'partial_upload';

export const verifyComplete: Stage = {
  name: 'verify-complete',
  places: ['input', 'work'],
  reasons: {
    no_sidecar: {
      short: 'no sidecar',
      who: 'uploader',
      finding: {
        afterMs: SIDECAR_LATE_MS,
        sentence: ({ which }) => `No sidecar has come for ${which}.`,
        release: () => 'the uploader has to deliver it',
      },
    },
    partial_upload: {
      short: 'cut uploads',
      who: 'uploader',
      finding: {
        afterMs: AT_ONCE_MS,
        sentence: ({ which }) =>
          `The mtime of ${which} is 0, as rsync --partial leaves a file that it could not finish.`,
        release: () =>
          'it is taken when it has not changed for --partial-upload-seconds; at once after touch, if it is whole',
      },
    },
  },

  async run(jobs, batch) {
    const dirty = new DirtyDirectories();
    const answers = await batch.calls.run(orderOf(batch, 'seal', jobs.map(toSeal)), jobs);
    const handled = judgeEach(jobs, answers, batch, (job, answer) => judge(job, batch, dirty, answer));
    // One sync for the batch: the renames are on disk before the commit of "sealed".
    return { steps: await durably(this.name, batch, handled, () => dirty.sync()) };
  },
};

const toSeal = ({ id, path, inside, facts, claim }: IngestJob): ToSeal => ({
  id,
  path,
  inside,
  seen: facts.seen!,
  claimNo: claim.claimNo,
});

function judge(job: IngestJob, batch: Batch, dirty: DirtyDirectories, answer: SealAnswer): Step {
  switch (answer.kind) {
    case 'sealed':
      // The rename may be from before a crash, and not synced yet.
      dirty.add(batch.files.input, folderOf(job.path));
      dirty.add(batch.files.work(job.inside), folderOf(batch.files.workPath(job, 'file')));
      return sealed(job, batch, answer);
    case 'wait':
      return wait(job, batch, answer);
    case 'writer': {
      const refusals = (job.facts.refusals ?? 0) + 1;
      return defer(writerMs(refusals), 'writer_open', { ...job.facts, refusals }, answer.now);
    }
    case 'changed':
      return defer(0, 'changed');
    case 'size':
      return sizeRefused(job, batch, answer.bytes);
    case 'name_too_long':
      return nameTooLong(job);
    case 'unread':
      return notRead(job, batch, answer.sidecar.seen, job.facts)!;
    case 'gone':
      // No file of ours was in it yet.
      if (answer.hasSealedSidecar) putSidecarAside(job, batch, dirty);
      return { outcome: { kind: 'drop', why: answer.is === undefined ? 'vanished' : `became_${answer.is}` } };
    case 'other_version':
      // It must not be paired with the file that is in the input now.
      putSidecarAside(job, batch, dirty);
      return defer(0, 'sidecar_of_earlier_version');
    case 'other_mount':
      return defer(0, 'other_mount', { ...job.facts, inside: answer.inside });
    case 'unopened':
      return cannotOpen(job, answer.code);
    case 'not_permitted':
      return notPermitted(job, batch, answer);
    case 'immovable':
      return immovable(job, batch, answer.because);
  }
}

type Sealed = Extract<SealAnswer, { kind: 'sealed' }>;

function sealed(job: IngestJob, batch: Batch, { sealed: facts, now, sidecar }: Sealed): Step {
  // An observation in the input means nothing for a sealed file.
  const { refusals: _, seen: __, ...rest } = job.facts;
  const after: JobFacts = { ...rest, sealed: facts, ...(sidecar && demandOf(sidecar)) };
  return {
    outcome: { kind: 'advance', payload: payloadOf(after), freeKey: true, ...now },
    onSettled: () => {
      const named = { feed: batch.feed.name, job: job.id, path: job.path };
      if (sidecar?.kind === 'other') batch.emit('sidecar_without_checksum', named);
      batch.emit('file_ready', { ...named, bytes: now.bytes, seal: facts.kind });
    },
  };
}

function wait(job: IngestJob, batch: Batch, answer: Extract<SealAnswer, { kind: 'wait' }>): Step {
  const { why, inMs, seen, now, unreadable } = answer;
  const facts = seen ? { ...job.facts, seen, refusals: 0 } : job.facts;
  if (why === 'sidecar_unreadable') return notRead(job, batch, { kind: 'unreadable', code: unreadable! }, facts, now)!;
  const step = defer(inMs, why, facts, now);
  return why === PARTIAL ? { ...step, onSettled: () => partialUpload(job, batch, inMs) } : step;
}

/** Logs once why a file waits longer than its window. */
function partialUpload({ id, path, claim }: IngestJob, { feed, emit }: Batch, inMs: number): void {
  if (claim.reason !== PARTIAL) emit(PARTIAL, { feed: feed.name, job: id, path, seconds: inMs / 1_000 });
}
