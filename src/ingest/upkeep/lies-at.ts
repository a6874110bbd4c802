/** The path at which the state says that a file lies, for lists. Does not: look there. */
import type { Job, QueueView } from '../../../queue/index.js';
import type { FeedOptions } from '../../base/config/options.js';
import { PUBLISH } from '../../base/config/values/stage-names.js';
import { UNDERPROCESS, workName } from '../../files/job-paths.js';
import { type ByteName, nameOfText } from '../../linux/index.js';
import { INNER_WORK } from '../files/feed-files.js';
import { allRoots } from '../files/recorded-roots.js';
import type { JobFacts } from '../rules/facts.js';
import { possibleWork } from './work-place.js';

/** The path of a file that is not in the warehouse yet. Undefined where only its reason names it. */
export function liesAtOf(view: Pick<QueueView, 'feeds' | 'read'>): (job: Job) => ByteName | undefined {
  const options = new Map(view.feeds().map((feed) => [feed.name, feed.options as unknown as FeedOptions]));
  const roots = allRoots(view).filter(({ kind }) => kind === 'work');
  const works = new Map(roots.map(({ feed, path }) => [feed, path]));
  return (job) => {
    const feed = options.get(job.feed);
    if (feed === undefined) return undefined;
    const { sealed, putAway, inside = '' } = job.payload as unknown as JobFacts;
    const path = job.key.toString('latin1') as ByteName;
    if (putAway?.kind === 'withdrawn' || job.stage === PUBLISH) return undefined;
    const input = nameOfText(feed.input);
    if (!sealed) return `${input}/${path}` as ByteName;
    const work =
      inside === ''
        ? nameOfText(works.get(job.feed) ?? possibleWork(feed)[0]!)
        : `${input}/${inside as ByteName}/${INNER_WORK}`;
    const name = workName(job.id, 'file', path);
    return name && (`${work}/${UNDERPROCESS}/${name}` as ByteName);
  };
}
