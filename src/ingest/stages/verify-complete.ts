/**
 * verify-complete: finds out whether a file in the input is complete, and seals it: it is renamed into `underprocess/`, out of
 * the uploader's reach (src/ingest/calls/seal.ts).
 * Guarantees: the seal is on disk before the key is freed.
 */

import type { Outcome } from '../../../queue/backend.js';
import { exactBytes } from '../../base/telemetry/safe.js';
import { DirtyDirectories } from '../../files/dirty.js';
import { folderOf } from '../../files/job-paths.js';
import { type ByteName, joinNames, nameOfText, shownName, userName } from '../../linux/index.js';
import type { Immovable, SealAnswer, ToSeal } from '../calls/order.js';
import { type SidecarRead, sidecarOf } from '../files/sidecar.js';
import { demandOf } from '../rules/checksum.js';
import { SIDECAR_OPEN_MS } from '../rules/completion.js';
import { type JobFacts, payloadOf } from '../rules/facts.js';
import { AT_ONCE_MS, SIDECAR_LATE_MS } from '../rules/reasons.js';
import { byErrno, judgeEach } from './each-job.js';
import { putSidecarAside } from './put-away.js';
import {
  type Batch,
  defer,
  durably,
  hold,
  type IngestJob,
  orderOf,
  retry,
  type Stage,
  tell,
  type Verdict,
  writerMs,
} from './stage.js';

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
    const handled = judgeEach(jobs, answers, batch, (job, answer) => seenIn(answer, judge(job, batch, dirty, answer)));
    // One sync for the batch: the renames are on disk before the commit of "sealed".
    return { verdicts: await durably(this.name, batch, handled, dirty) };
  },
};

const toSeal = ({ id, path, inside, facts, claim }: IngestJob): ToSeal => ({
  id,
  path,
  inside,
  seen: facts.seen!,
  claimNo: claim.claimNo,
});

/** The row gets the version that its stage saw, so that the next scan, which finds the same one, does not offer it again. */
function seenIn(answer: SealAnswer, verdict: Verdict): Verdict {
  if (!('now' in answer)) return verdict;
  return { ...verdict, outcome: { ...(verdict.outcome as Outcome), ...answer.now } };
}

function judge(job: IngestJob, batch: Batch, dirty: DirtyDirectories, answer: SealAnswer): Verdict {
  switch (answer.kind) {
    case 'sealed':
      // The rename may be from before a crash, and not synced yet. The new name is on disk before the old one goes.
      dirty.add(batch.files.work(job.inside), folderOf(batch.files.workPath(job, 'file')));
      dirty.add(batch.files.input, folderOf(job.path));
      return sealed(job, batch, answer);
    case 'wait':
      return wait(job, batch, answer);
    case 'writer':
      return writerOpen(job);
    case 'changed':
      return defer(0, 'changed');
    case 'size':
      return sizeRefused(job, batch, answer.now.bytes);
    case 'name_too_long':
      return nameTooLong(job);
    case 'unread':
      return notRead(job, batch, answer.sidecar.seen, job.facts)!;
    case 'gone':
      // No file of ours was in it yet.
      if (answer.hasSealedSidecar) putSidecarAside(job, batch, dirty);
      return { outcome: { kind: 'drop', why: answer.is === undefined ? 'vanished' : `became_${answer.is}` } };
    case 'ignored':
      if (answer.hasSealedSidecar) putSidecarAside(job, batch, dirty);
      // Nobody would look for it in underprocess/ after a power cut.
      if (answer.isSidecarBack) {
        dirty.add(batch.files.input, folderOf(job.path));
        dirty.add(batch.files.work(job.inside), folderOf(batch.files.workPath(job, 'sidecar')));
      }
      return { outcome: { kind: 'drop', why: `ignored_${answer.rule}` } };
    case 'other_version':
      // It must not be paired with the file that is in the input now.
      putSidecarAside(job, batch, dirty);
      return defer(0, 'sidecar_of_earlier_version');
    case 'other_mount':
      return defer(0, 'other_mount', { ...job.facts, inside: answer.inside });
    case 'unopened':
      return cannotOpen(job, answer.code, answer.now === undefined);
    case 'not_permitted':
      return notPermitted(job, batch, answer);
    case 'immovable':
      return immovable(job, batch, answer.because);
  }
}

type Sealed = Extract<SealAnswer, { kind: 'sealed' }>;

function sealed(job: IngestJob, batch: Batch, { sealed: facts, now, sidecar, unread }: Sealed): Verdict {
  // An observation in the input means nothing for a sealed file.
  const { refusals: _, seen: __, ...rest } = job.facts;
  const demand = unread ? { unread } : sidecar && demandOf(sidecar);
  const after: JobFacts = { ...rest, sealed: facts, ...demand };
  return {
    outcome: { kind: 'advance', payload: payloadOf(after), freeKey: true },
    onSettled: () => {
      if (sidecar?.kind === 'other') tell(batch, job, 'sidecar_without_checksum');
      tell(batch, job, 'file_ready', { bytes: now.bytes, seal: facts.kind });
    },
  };
}

function wait(job: IngestJob, batch: Batch, answer: Extract<SealAnswer, { kind: 'wait' }>): Verdict {
  const { why, inMs, seen, unreadable } = answer;
  const facts = seen ? { ...job.facts, seen, refusals: 0 } : job.facts;
  if (why === 'sidecar_unreadable') return notRead(job, batch, { kind: 'unreadable', code: unreadable! }, facts)!;
  const verdict = defer(inMs, why, facts);
  return why === PARTIAL ? { ...verdict, onSettled: () => partialUpload(job, batch, inMs) } : verdict;
}

/** Logs once why a file waits longer than its window. */
function partialUpload(job: IngestJob, batch: Batch, inMs: number): void {
  if (job.claim.reason !== PARTIAL) tell(batch, job, PARTIAL, { seconds: inMs / 1_000 });
}

function sizeRefused(job: IngestJob, { feed: { minBytes, maxBytes } }: Batch, bytes: number): Verdict {
  const [code, rule] =
    bytes > maxBytes
      ? ['too_large', `--max-bytes is ${exactBytes(maxBytes)}`]
      : ['too_small', `--min-bytes is ${exactBytes(minBytes)}`];
  return hold(code, `the file has ${exactBytes(bytes)}, and ${rule}`, job.facts);
}

const nameTooLong = (job: IngestJob): Verdict =>
  hold(
    'name_too_long',
    `its path has ${job.path.length} bytes, which is too long for a name in the work directory`,
    job.facts,
  );

function notPermitted(
  { path }: IngestJob,
  { feed }: Batch,
  { code, isSticky }: Extract<SealAnswer, { kind: 'not_permitted' }>,
): Verdict {
  const folder = shownName(joinNames(nameOfText(feed.input), folderOf(path)));
  return isSticky
    ? hold(
        'sticky_directory',
        `its folder ${folder} has the sticky bit and the file belongs to another user, so the user ${userName()} cannot move it`,
      )
    : hold('not_permitted', `the user ${userName()} may not move the file out of its folder ${folder} (${code})`);
}

function immovable({ path }: IngestJob, { feed }: Batch, { is, ...about }: Immovable): Verdict {
  const at = (what: ByteName): string => shownName(joinNames(nameOfText(feed.input), what));
  if (is === 'mount' || !('what' in about))
    return hold('immovable', `the file ${at(path)} is a mount of its own, and no rename takes it away: umount it`);
  const names = { file: path, sidecar: sidecarOf(path, feed), folder: folderOf(path) };
  const place = at(names[about.what]);
  return hold(
    'immovable',
    `the ${about.what} ${place} is ${is}, so not even root may move the file: chattr -${is[0]} it`,
  );
}

function writerOpen({ facts }: IngestJob): Verdict {
  const refusals = (facts.refusals ?? 0) + 1;
  return defer(writerMs(refusals), 'writer_open', { ...facts, refusals });
}

function cannotOpen(job: IngestJob, code: string, isSealed: boolean): Verdict {
  // A lease of another process, as Samba takes it.
  if (code === 'EAGAIN') return writerOpen(job);
  if (code === 'EACCES' || code === 'EPERM')
    return hold('unreadable', `the user ${userName()} cannot read the file (${code})`, job.facts);
  if (code === 'EIO')
    return retry('eio', 'reading the file answers with an I/O error: look at the kernel log and the disk');
  // Something else was given the name of the file, and was sealed in its place. Nobody changes it there.
  if (isSealed) return byErrno(job, code, `what was sealed is no file that can be opened (${code})`);
  return defer(0, 'changed');
}

/** Undefined where the sidecar was read, or is missing. Without its checksum the file would go on unchecked. */
export function notRead(job: IngestJob, batch: Batch, seen: SidecarRead['seen'], facts: JobFacts): Verdict | undefined {
  if (seen.kind === 'open') return defer(SIDECAR_OPEN_MS, 'sidecar_open', facts);
  if (seen.kind !== 'unreadable') return undefined;
  const name = `${shownName(job.path)}${batch.feed.sidecarSuffix}`;
  const error = `its sidecar ${name} is there, but cannot be read (${seen.code}): give this user read permission, or look at the disk`;
  return retry('sidecar_unreadable', error, facts);
}
