/** Reads what the body of a change asks for. Its keys are checked already (query.ts). */
import type { JobId, QueueView } from '../../../queue/index.js';
import { viewFields } from '../../base/config/schema.js';
import { STAGE_NAMES } from '../../base/config/values/stage-names.js';
import { JOB_ID } from '../../tools/explain/find.js';
import { whyNoHoldCode } from '../status/held-list.js';
import { limits } from './data/limits.js';
import type { Asked, Chosen, Verb } from './held/acts.js';
import { BadQuery, type Body, wordIn } from './query.js';

/** Errors: BadQuery. */
export function askedBy(verb: Verb, body: Body, view: Pick<QueueView, 'feeds' | 'heldFor'>, by: string): Asked {
  const feed = wordIn(body, 'feed');
  if (feed !== '*') refuseUnknownFeed(view, feed);
  if (verb === 'retry' || verb === 'discard') return { verb, by, chosen: chosenBy(body, view, feed) };
  const stage = wordIn(body, 'stage') ?? '*';
  if (stage !== '*' && !(STAGE_NAMES as readonly string[]).includes(stage))
    throw new BadQuery(`${JSON.stringify(stage)} is not a stage; the stages are ${STAGE_NAMES.join(', ')}.`);
  const scope = { stage, feed: feed ?? '*' };
  return { verb, by, scope, why: wordIn(body, 'reason', limits.reasonCharsMax), seconds: secondsIn(body.for) };
}

/** Errors: BadQuery. As `ingest-ctl pause --for` takes it. */
function secondsIn(value: unknown): number | undefined {
  const { meta } = viewFields.for;
  const parsed = viewFields.for.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new BadQuery(`"for" must be ${meta.rule}; write for example "${meta.example}".`);
}

function chosenBy(body: Body, view: Pick<QueueView, 'heldFor'>, feed: string | undefined): Chosen {
  const { jobs, all = false } = body;
  const code = wordIn(body, 'code');
  if (typeof all !== 'boolean') throw new BadQuery('"all" must be true or false.');
  if (all === (jobs !== undefined)) throw new BadQuery('Name either "jobs", or "all": true.');
  refuseUnknownCode(view, code);
  const [folder, name] = [wordIn(body, 'folder', limits.pathCharsMax), wordIn(body, 'name', limits.pathCharsMax)];
  if (jobs === undefined) return { feed: feed === '*' ? undefined : feed, code, folder, name };
  if ([feed, code, folder, name].some((one) => one !== undefined))
    throw new BadQuery('"feed", "code", "folder" and "name" narrow "all", and not "jobs".');
  const areIds = Array.isArray(jobs) && jobs.every((id) => typeof id === 'string' && JOB_ID.test(id));
  if (areIds && jobs.length > 0 && jobs.length <= limits.namedJobsMax) return { jobs: jobs as JobId[] };
  throw new BadQuery(`"jobs" must be a list of 1 to ${limits.namedJobsMax} job ids.`);
}

/** Errors: BadQuery. */
export function refuseUnknownFeed(view: Pick<QueueView, 'feeds'>, feed: string | undefined): void {
  const names = view.feeds().map(({ name }) => name);
  if (feed === undefined || names.includes(feed)) return;
  throw new BadQuery(`${JSON.stringify(feed)} is no feed of this state; it has ${names.join(', ') || 'none yet'}.`);
}

/** Errors: BadQuery. */
export function refuseUnknownCode(view: Pick<QueueView, 'heldFor'>, code: string | undefined): void {
  const why = code === undefined ? undefined : whyNoHoldCode(view, code);
  if (why !== undefined) throw new BadQuery(`${why}.`);
}
