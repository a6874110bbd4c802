/** The steps for files that cannot be sealed as they are, with the reasons for the operator. */
import type { SealAnswer } from '../calls/order.js';
import type { IngestJob } from '../steps/job.js';
import { type Batch, defer, hold, retry, type Step, WRITER_FIRST_MS } from '../steps/stage.js';

export function sizeRefused(job: IngestJob, { feed: { minBytes, maxBytes } }: Batch, bytes: number): Step {
  const [code, rule] =
    bytes > maxBytes
      ? ['too_large', `--max-bytes is ${maxBytes}: raise it`]
      : ['too_small', `--min-bytes is ${minBytes}: lower it`];
  return hold(code, `the file has ${bytes} bytes and ${rule} and run ingest-ctl retry, or remove the file`, job.facts, {
    bytes,
  });
}

export const nameTooLong = (job: IngestJob): Step =>
  hold(
    'name_too_long',
    `its path has ${job.path.length} bytes, which is too long for a name in the work directory: move it to a shorter path`,
    job.facts,
  );

export const notPermitted = ({ code, isSticky }: Extract<SealAnswer, { kind: 'not_permitted' }>): Step =>
  isSticky
    ? hold(
        'sticky_directory',
        'its directory has the sticky bit and the file belongs to another user, so it cannot be moved: run as its owner or as root, or remove the bit (chmod -t), then run ingest-ctl retry',
      )
    : hold(
        'not_permitted',
        `the file cannot be moved out of its directory (${code}): give this user write permission there, then run ingest-ctl retry`,
      );

export function cannotOpen(job: IngestJob, code: string): Step {
  if (code === 'EAGAIN') return defer(WRITER_FIRST_MS, 'writer_open');
  if (code === 'EACCES' || code === 'EPERM')
    return hold(
      'unreadable',
      `this user cannot read the file (${code}): give it read permission; the change is noticed, and it goes on by itself`,
      job.facts,
    );
  if (code === 'EIO')
    return retry('eio', 'reading the file answers with an I/O error: look at the kernel log and the disk');
  return defer(0, 'changed');
}
