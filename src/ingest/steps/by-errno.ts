/**
 * The one table of what an errno means for a single file: whether the same call may succeed later.
 * Guarantees: what never heals by itself is held at the first try, with the next step. Any other errno is tried again.
 * Does not: know the errors of a whole place, which close a gate (src/files/place-error.ts); or those that a stage explains better,
 * because it knows the names (src/ingest/stages/verify-complete.ts, src/ingest/steps/find-targets.ts).
 */
import { errnoOf } from '../../files/place-error.js';
import type { IngestJob } from './job.js';
import { type Batch, hold, retry, type Step } from './stage.js';

const NO_SUCH_CALL = 'that filesystem cannot do this: use another one for the directory';
const NO_SUCH_NAME = 'that filesystem does not take the name: deliver the file under another one';

/** The next step for each errno that never heals. */
const NEVER_HEALS: Readonly<Record<string, string>> = {
  EACCES: 'give this user the permission',
  EPERM:
    'give this user the permission; if it has it, lsattr shows whether the file or its folder is immutable or append-only (chattr -i, chattr -a)',
  EXDEV:
    'no rename leads out of that folder: a project quota ends there (lsattr -p), or a subvolume; deliver the file elsewhere, or remove the project',
  EFBIG: 'that filesystem takes no file of this size: use another one for the directory, or send the file in parts',
  ENOTDIR: 'a file has the name of a folder on this path: move it away',
  EISDIR: 'a folder has the name of this file: move it away',
  ELOOP: 'a symlink is in the place of a folder or of the file: put the folder or the file itself there',
  ENAMETOOLONG: 'deliver the file under a shorter name or path',
  EINVAL: NO_SUCH_NAME,
  EILSEQ: NO_SUCH_NAME,
  EMLINK: 'that filesystem takes no more links there: use another one for the directory',
  ENOTSUP: NO_SUCH_CALL,
  ENOSYS: NO_SUCH_CALL,
  EOVERFLOW: NO_SUCH_CALL,
};

/** `text`: what failed, as a sentence without its end. */
export function byErrno(job: IngestJob, code: string, text: string): Step {
  return Object.hasOwn(NEVER_HEALS, code)
    ? hold('system_refuses', `${text}: ${NEVER_HEALS[code]}`, job.facts)
    : retry(code.toLowerCase(), text);
}

/** The step for an error that concerns this job only. A bug is logged with its stack, and tried again. */
export function failed(job: IngestJob, batch: Batch, error: unknown): Step {
  const code = errnoOf(error);
  const text = error instanceof Error ? error.message : String(error);
  if (code !== undefined) return byErrno(job, code, text);
  batch.emit('bug', { job: job.id, path: job.path, error: error instanceof Error ? error.stack : text });
  return retry('bug', text);
}
