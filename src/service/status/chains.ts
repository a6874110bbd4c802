/** Feeds with a chain: its counts, its speed, and a finding when the header has changed. */
import type { QueueView } from '../../../queue/index.js';
import { chainCounts } from '../../ingest/chains/counts.js';
import { changedHeaders } from '../../ingest/chains/recorded-outputs.js';
import { type Finding, finding, iso } from '../../ingest/health/finding.js';

/** The feeds that have a chain, and those that had one. `rate`: records a second of a feed. */
export function recordsOf(view: Pick<QueueView, 'feeds' | 'counters'>, rate: (feed: string) => number) {
  const counts = chainCounts(view.counters());
  return view
    .feeds()
    .filter(({ name, options }) => options.process !== undefined || counts.has(name))
    .map(({ name: feed }) => {
      const { records = 0, rejected = 0, outputs = 0, outputBytes = 0 } = counts.get(feed) ?? {};
      return {
        feed,
        /** Counts of files that went through the chain since the state was created. `rejected`: records in the output `reject`. */
        ...{ records, rejected, outputs, output_bytes: outputBytes },
        /** In the last minute. A file counts when the chain has finished it. */
        records_per_second: rate(feed),
      };
    });
}

/**
 * Only the owners of the data know which of two headers is right. So a change is shown for a day. A finding that stayed until the
 * old header came back would stay for ever if the new one is wanted.
 */
const TOLD_MS = 86_400_000;

/** A retired feed has none. */
export function headerFindings(view: Pick<QueueView, 'read' | 'feeds'>, nowMs = Date.now()): Finding[] {
  const feeds = new Set(view.feeds().map(({ name }) => name));
  return view
    .read((rows) => changedHeaders(rows, nowMs - TOLD_MS))
    .filter(({ feed }) => feeds.has(feed))
    .map(({ feed, before, now, changedMs }) =>
      finding('notice', 'header_changed', {
        feed,
        stage: 'process',
        sentence: `The header of ${feed} is not that of its files before: ${before.join(',')} → ${now.join(',')}.`,
        release:
          'ask who sends the files; header: in a check of the chain holds files with another header; this is shown for a day',
        since: iso(changedMs),
      }),
    );
}
