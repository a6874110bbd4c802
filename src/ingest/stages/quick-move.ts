/** Moves the plain files of a batch in one order (src/ingest/files/quick.ts): renames within a filesystem. */
import type { DirtyDirectories } from '../../files/dirty.js';
import { errnoOf, PlaceError } from '../../files/place-error.js';
import { folderOf } from '../../files/places.js';
import type { ByteName } from '../../linux/index.js';
import type { MoveOrder } from '../files/quick.js';
import type { Content } from '../ledger/content.js';
import type { IngestJob } from './job.js';
import type { Batch } from './stage.js';

/** Those that were renamed; the others are moved one by one. */
export async function renamedQuickly(
  jobs: readonly IngestJob[],
  contents: ReadonlyMap<IngestJob, Content | undefined>,
  batch: Batch,
  dirty: DirtyDirectories,
): Promise<IngestJob[]> {
  const plain = jobs.filter((job) => isPlain(job, contents.get(job)));
  if (!batch.straight || plain.length === 0) return [];
  batch.hand(undefined, 'warehouse');
  const order = orderOf(plain, contents, batch, dirty);
  const answers = order ? await batch.straight.quick(order) : [];
  return plain.filter((_, i) => answers[i]);
}

/** Undefined where a place fails: that is met again, and told, where each is moved by itself. */
function orderOf(
  jobs: readonly IngestJob[],
  contents: ReadonlyMap<IngestJob, Content | undefined>,
  { files }: Batch,
  dirty: DirtyDirectories,
): MoveOrder | undefined {
  const targets = jobs.map((job) => contents.get(job)!.target!.toString('latin1') as ByteName);
  try {
    const { warehouse } = files;
    for (const folder of new Set(targets.map(folderOf))) {
      warehouse.make(folder);
      dirty.add(warehouse, folder);
    }
    const moves = jobs.map((job, i) => ({
      sealed: files.workPath(job, 'file'),
      target: targets[i]!,
      identity: job.facts.sealed!.identity,
    }));
    return { kind: 'move', work: files.work('' as ByteName).rootFd, warehouse: warehouse.rootFd, files: moves };
  } catch (error) {
    if (!(error instanceof PlaceError) && errnoOf(error) === undefined) throw error;
    return undefined;
  }
}

const isPlain = ({ id, inside, facts }: IngestJob, content: Content | undefined): boolean =>
  inside === '' &&
  facts.sealed?.kind === 'lease' &&
  content?.target != null &&
  content.carrier === id &&
  content.state !== 'stored';
