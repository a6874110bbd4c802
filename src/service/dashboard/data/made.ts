/** The results of chains for the files that a search has found: counts and outputs, from the rows alone. */
import type { Job, QueueView } from '../../../../queue/index.js';
import type { FeedOptions } from '../../../base/config/options.js';
import { contentByRow, shownPlace } from '../../../ingest/ledger/content.js';
import { type Processed, processedOf } from '../../../ingest/outputs/recorded.js';
import type { JobFacts } from '../../../ingest/rules/facts.js';
import { type ByteName, shownName } from '../../../linux/index.js';

export interface MadeFile {
  feed: string;
  /** Relative to the input. */
  path: string;
  rows: number;
  rejected: number;
  columns: number | null;
  header_sha256: string | null;
  process: { chain: string; version: string };
  outputs: {
    tag: string;
    rows: number;
    size: number;
    sha256: string;
    /** The path of the output now or later; null until its line is planned. */
    warehouse_path: string | null;
  }[];
}

/** The results for each job that carried its content. */
export function madeOfJobs(view: QueueView, feeds: readonly FeedOptions[], ids: readonly string[]): MadeFile[] {
  return ids.flatMap((id) => {
    const job = view.job(id);
    const { content: row = -1 } = (job?.payload ?? {}) as unknown as Partial<JobFacts>;
    return view.read((reader) => {
      const isIts = job && contentByRow(reader, row)?.carrier === job.id;
      const processed = isIts ? processedOf(reader, row) : undefined;
      return processed ? madeFile(job!, processed, feeds) : [];
    });
  });
}

function madeFile(job: Job, made: Processed, feeds: readonly FeedOptions[]): MadeFile {
  const warehouse = feeds.find(({ name }) => name === job.feed)?.warehouse ?? '';
  const { rows, rejected, columns, headerSha256, chain, version } = made;
  return {
    feed: job.feed,
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
      warehouse_path: target && shownPlace(warehouse, target.toString('latin1') as ByteName),
    })),
  };
}
