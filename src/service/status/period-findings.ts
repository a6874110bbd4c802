/** Hours and days that are over and have no `_SUCCESS` yet, with the file they wait for; and hours that were closed too early. */
import type { Payload } from '../../../queue/backend.js';
import type { QueueView } from '../../../queue/index.js';
import type { FeedOptions } from '../../base/config/options.js';
import { partitionOf } from '../../files/job-paths.js';
import { type Finding, finding, iso } from '../../ingest/health/finding.js';
import type { PeriodRow } from '../../ingest/periods/period.js';
import { WAITS_LONG_MS, waitingPeriods } from '../../ingest/periods/period.js';
import { firstOpen } from '../../ingest/periods/plan.js';

const TOLD_MAX = 10;

export function periodFindings(view: QueueView, nowMs = Date.now()): Finding[] {
  const feeds = view.feeds().filter(({ options }) => options.successMarkers === true);
  if (feeds.length === 0) return [];
  return [...waiting(view, feeds, nowMs), ...feeds.flatMap(({ options }) => setBack(view, options, nowMs))];
}

/** It may take a minute or a year until the clock has caught up. */
function setBack(view: QueueView, options: Payload, nowMs: number): Finding[] {
  const feed = options as unknown as FeedOptions;
  const first = view.read((reader) => firstOpen(reader, feed, nowMs));
  if (first.atMs === nowMs) return [];
  const { hour } = partitionOf(nowMs, feed.timezone);
  return [
    finding('notice', 'clock_set_back', {
      feed: feed.name,
      sentence: `By the clock it is ${hour} for ${feed.name}, and that hour (or its day) is closed: new lines go into ${first.hour}.`,
      release: 'correct the clock, if it is wrong; nothing is added to what is closed',
    }),
  ];
}

function waiting(view: QueueView, feeds: ReturnType<QueueView['feeds']>, nowMs: number): Finding[] {
  return waitingPeriods(view, TOLD_MAX)
    .filter(({ changedMs }) => nowMs - changedMs >= WAITS_LONG_MS)
    .map((period) => {
      const isIn = (root: unknown): boolean => period.folder.startsWith(`${root}/`);
      const feed = feeds.find(({ options }) => isIn(options.manifests) || isIn(options.warehouse))?.name ?? '*';
      return finding('notice', 'period_waits', {
        feed,
        files: period.waitsJob ? 1 : 0,
        sentence: `${period.folder} is over and has no _SUCCESS yet: it waits for ${whatFor(view, period)}.`,
        release: 'it is written by itself when that is settled; `ingest-ctl explain PATH` says what becomes of a file',
        since: iso(period.changedMs),
      });
    });
}

function whatFor(view: QueueView, { waitsJob, waitsWhy }: PeriodRow): string {
  if (waitsJob === null) return waitsWhy ?? '';
  const job = view.job(waitsJob);
  if (!job) return `job ${waitsJob}`;
  const how = job.holdCode === null ? `is ${job.state} in ${job.stage}` : `is held (${job.holdCode})`;
  return `${job.key.toString('utf8')} (job ${job.id}), which ${how}`;
}
