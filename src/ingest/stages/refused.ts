/** The steps for files that cannot be sealed as they are, with the reasons for the operator. */
import { exactBytes } from '../../base/telemetry/safe.js';
import { folderOf } from '../../files/job-paths.js';
import { type ByteName, joinNames, nameOfText, shownName, userName } from '../../linux/index.js';
import type { Immovable, SealAnswer } from '../calls/order.js';
import type { IngestJob } from '../steps/job.js';
import { type Batch, defer, hold, retry, type Step, WRITER_FIRST_MS } from '../steps/stage.js';

export function sizeRefused(job: IngestJob, { feed: { minBytes, maxBytes } }: Batch, bytes: number): Step {
  const [code, rule] =
    bytes > maxBytes
      ? ['too_large', `--max-bytes is ${exactBytes(maxBytes)}`]
      : ['too_small', `--min-bytes is ${exactBytes(minBytes)}`];
  return hold(code, `the file has ${exactBytes(bytes)}, and ${rule}`, job.facts, { bytes });
}

export const nameTooLong = (job: IngestJob): Step =>
  hold(
    'name_too_long',
    `its path has ${job.path.length} bytes, which is too long for a name in the work directory`,
    job.facts,
  );

export function notPermitted(
  { path }: IngestJob,
  { feed }: Batch,
  { code, isSticky }: Extract<SealAnswer, { kind: 'not_permitted' }>,
): Step {
  const folder = shownName(joinNames(nameOfText(feed.input), folderOf(path)));
  return isSticky
    ? hold(
        'sticky_directory',
        `its folder ${folder} has the sticky bit and the file belongs to another user, so the user ${userName()} cannot move it`,
      )
    : hold('not_permitted', `the user ${userName()} may not move the file out of its folder ${folder} (${code})`);
}

export function immovable({ path }: IngestJob, { feed }: Batch, { is, ...about }: Immovable): Step {
  const at = (what: ByteName): string => shownName(joinNames(nameOfText(feed.input), what));
  if (is === 'mount' || !('what' in about))
    return hold('immovable', `the file ${at(path)} is a mount of its own, and no rename takes it away: umount it`);
  const place = at(about.what === 'file' ? path : folderOf(path));
  return hold(
    'immovable',
    `the ${about.what} ${place} is ${is}, so not even root may move the file: chattr -${is[0]} it`,
  );
}

export function cannotOpen(job: IngestJob, code: string): Step {
  if (code === 'EAGAIN') return defer(WRITER_FIRST_MS, 'writer_open');
  if (code === 'EACCES' || code === 'EPERM')
    return hold('unreadable', `the user ${userName()} cannot read the file (${code})`, job.facts);
  if (code === 'EIO')
    return retry('eio', 'reading the file answers with an I/O error: look at the kernel log and the disk');
  return defer(0, 'changed');
}
