/** The results of chains for the files that a search has found: counts and outputs, from the rows alone. */
import type { Job, QueueView } from '../../../../queue/index.js';
import type { FeedOptions } from '../../../base/config/options.js';
import { type Processed, processedOf } from '../../../ingest/chains/recorded-outputs.js';
import { contentByRow, shownPlace } from '../../../ingest/ledger/content.js';
import type { JobFacts } from '../../../ingest/rules/facts.js';
import { type ByteName, shownName } from '../../../linux/index.js';

export type MadeFile = ReturnType<typeof madeFile>;

/** The results for each job that carried its content. The warehouse of a retired feed is not known any more. */
export function madeOfJobs(view: QueueView, feeds: readonly FeedOptions[], ids: readonly string[]): MadeFile[] {
  return ids.flatMap((id) => {
    const job = view.job(id);
    const feed = feeds.find(({ name }) => name === job?.feed);
    const { content: row = -1 } = (job?.payload ?? {}) as unknown as Partial<JobFacts>;
    return view.read((reader) => {
      const isIts = job && contentByRow(reader, row)?.carrier === job.id;
      const processed = isIts ? processedOf(reader, row) : undefined;
      return processed && feed ? madeFile(job!, processed, feed) : [];
    });
  });
}

function madeFile(job: Job, made: Processed, { warehouse }: FeedOptions) {
  const { rows, rejected, columns, headerSha256, chain, version } = made;
  return {
    feed: job.feed,
    /** Relative to the input. */
    path: shownName(job.key.toString('latin1') as ByteName),
    rows,
    rejected,
    columns,
    header_sha256: headerSha256,
    process: { chain, version },
    outputs: made.outputs.map(({ tag, rows: its, size, sha256, target }) => ({
      tag,
      rows: its,
      size,
      sha256: sha256.toString('hex'),
      /** The path of the output now or later; null until its line is planned. */
      warehouse_path: target && shownPlace(warehouse, target.toString('latin1') as ByteName),
    })),
  };
}
