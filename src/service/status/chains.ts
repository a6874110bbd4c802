/** Feeds with a chain: what it has done so far and how fast, and a header that is another one than before. */
import type { QueueView } from '../../../queue/index.js';
import { type Finding, iso } from '../../ingest/health/finding.js';
import { chainCounts } from '../../ingest/outputs/counts.js';
import { changedHeaders } from '../../ingest/outputs/recorded.js';

export interface RecordsReport {
  feed: string;
  /** Since the state was made, of files that came through. */
  records: number;
  /** Of them in the output `reject`. */
  rejected: number;
  outputs: number;
  output_bytes: number;
  /** In the last minute: a file counts when all of it is through. */
  records_per_second: number;
}

/** The feeds that have a chain, and those that had one. `rate`: records a second of a feed. */
export function recordsOf(
  view: Pick<QueueView, 'feeds' | 'counters'>,
  rate: (feed: string) => number,
): RecordsReport[] {
  const counts = chainCounts(view.counters());
  return view
    .feeds()
    .filter(({ name, options }) => options.process !== undefined || counts.has(name))
    .map(({ name: feed }) => {
      const { records = 0, rejected = 0, outputs = 0, outputBytes = 0 } = counts.get(feed) ?? {};
      const perSecond = Math.round(rate(feed) * 10) / 10;
      return { feed, records, rejected, outputs, output_bytes: outputBytes, records_per_second: perSecond };
    });
}

/**
 * Which of two headers is the right one only its people know, so a change is told for a day: a finding that stayed until the old header
 * came back would stay for ever where the new one is wanted.
 */
const TOLD_MS = 86_400_000;

/** Not of a feed that was retired. */
export function headerFindings(view: Pick<QueueView, 'read' | 'feeds'>, nowMs = Date.now()): Finding[] {
  const feeds = new Set(view.feeds().map(({ name }) => name));
  return view
    .read((rows) => changedHeaders(rows, nowMs - TOLD_MS))
    .filter(({ feed }) => feeds.has(feed))
    .map(({ feed, before, now, changedMs }) => ({
      ...{ code: 'header_changed', severity: 'notice' as const, feed, stage: 'process', files: 0 },
      sentence: `The header of ${feed} is not that of its files before: ${before.join(',')} → ${now.join(',')}.`,
      release:
        'ask who sends the files; header: in a check of the chain holds files with another header; this is shown for a day',
      since: iso(changedMs),
    }));
}
