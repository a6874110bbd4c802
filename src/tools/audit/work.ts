/**
 * Compares the work directory with the jobs: files without a job, jobs without a file, temporary files without a claim. Each is
 * checked against the current jobs, so that a running ingest causes no difference.
 */
import type { Job, QueueView } from '../../../queue/index.js';
import { parseWorkName, UNDERPROCESS } from '../../files/job-paths.js';
import { MARKER } from '../../files/marker.js';
import { namesIn } from '../../files/names-in.js';
import { unlessMissing } from '../../files/place-error.js';
import { type FeedFiles, statEntry } from '../../ingest/files/feed-files.js';
import { contentByRow } from '../../ingest/ledger/content.js';
import { factsOf, workKeyOf } from '../../ingest/rules/facts.js';
import { openJobs } from '../../ingest/upkeep/open-jobs.js';
import { type ByteName, shownName, statAtOrNone } from '../../linux/index.js';
import type { Judging } from './judging.js';
import { difference } from './words.js';

type Working = Pick<Judging, 'view' | 'feed' | 'report'> & { files: FeedFiles };

export const isLive = (job: Job | undefined): boolean => job !== undefined && job.state !== 'done';

/** `insides`: the mounts below the input that may have work directories of their own. */
export function judgeWork(working: Working, insides: readonly ByteName[]): void {
  for (const inside of ['' as ByteName, ...insides]) {
    if (inside !== '' && !working.files.hasWork(inside)) continue;
    const work = working.files.work(inside);
    const dir = unlessMissing(() => work.directory(UNDERPROCESS));
    if (dir !== undefined) judgeSealed(working, `${work.place?.path}/${UNDERPROCESS}`, dir);
  }
  judgeMissing(working);
  for (const [root, at] of [
    [working.files.work('' as ByteName), working.files.roots.work],
    [working.files.manifests, working.files.roots.manifests],
    [working.files.warehouse, working.files.roots.warehouse],
  ] as const) {
    judgeMarkers(working, root.rootFd, at);
  }
}

function judgeSealed({ view, feed, report }: Working, folder: string, dir: number): void {
  for (const name of namesIn(dir)) {
    const parsed = parseWorkName(name);
    const job = parsed && view.job(parsed.jobId);
    const at = `${folder}/${shownName(name)}`;
    if (isLive(job)) continue;
    // The file may have been put away since its name was read. The folder of a long name is removed a little later.
    const stat = statAtOrNone(dir, name);
    if (!stat || (stat.kind === 'directory' && job)) continue;
    if (parsed?.part === 'partial')
      report(difference('left_over', feed.name, at, 'a private copy that nobody is making'));
    else if (!parsed) report(difference('orphan', feed.name, at, 'its name is of no job'));
    else report(difference('orphan', feed.name, at, job ? `its job is done (${job.ending})` : 'no job speaks of it'));
  }
}

/** Reports jobs that are sealed and not yet in place, and whose file is nowhere. They cannot go on. */
function judgeMissing({ view, feed, files, report }: Working): void {
  for (const page of openJobs(view, feed.name, 'verify-complete')) {
    for (const { id } of page) {
      if (!isSomewhere(view, files, id) && !isSomewhere(view, files, id))
        report(
          difference('sealed_file_missing', feed.name, shownName(keyOf(view, id)), `the file of job ${id} is nowhere`, {
            ingest_id: id,
          }),
        );
    }
  }
}

const keyOf = (view: QueueView, id: string): ByteName => (view.job(id)?.key.toString('latin1') ?? '') as ByteName;

function isSomewhere(view: QueueView, files: FeedFiles, id: string): boolean {
  const job = view.job(id);
  if (!job || !isLive(job)) return true;
  const facts = factsOf(job);
  const key = workKeyOf(job);
  if (facts.putAway !== undefined || facts.sealed === undefined || (key.inside !== '' && !files.hasWork(key.inside)))
    return true;
  if (statEntry(files.workEntry(key, 'file')) || statEntry(files.workEntry(key, 'copy'))) return true;
  const content = facts.content === undefined ? undefined : view.read((r) => contentByRow(r, facts.content!));
  const target = content?.target?.toString('latin1') as ByteName | undefined;
  return target !== undefined && statEntry(files.entryOrNone(files.warehouse, target)) !== undefined;
}

/** The temporary name of a marker. It is renamed within moments. */
function judgeMarkers({ feed, report }: Working, dir: number, root: string): void {
  for (const name of namesIn(dir)) {
    if (!name.startsWith(`${MARKER}.`)) continue;
    report(difference('left_over', feed.name, `${root}/${shownName(name)}`, 'a marker that was never finished'));
  }
}
