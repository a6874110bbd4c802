/**
 * Finds a free target for each job of a batch, before its lines are planned.
 * Guarantees: an error of the whole warehouse is a PlaceError; an error of a single name or folder belongs to its job.
 * Does not: give a name; the planning transaction does.
 */
import type { Reader } from '../../../queue/backend.js';
import { KEY_BYTES_MAX, objectKey, type Prefix, prefixOf } from '../../bucket/keys.js';
import { baseOf, folderOf, wantedTarget } from '../../files/job-paths.js';
import { errnoOf, inPlace, PlaceError } from '../../files/place-error.js';
import { type ByteName, LinuxError, shownName, statFd, userName } from '../../linux/index.js';
import type { Named, Targets } from '../chains/output-names.js';
import { type Processed, processedOf } from '../chains/recorded-outputs.js';
import { warehouseOf } from '../ledger/names.js';
import { freeTargets, type Round } from '../warehouse/free-names.js';
import { failed, SLICE_MS } from './each-job.js';
import { type Batch, hold, type IngestJob, type Verdict } from './stage.js';

export interface Plan extends Targets {
  job: IngestJob;
  /** The outputs of its content, where its feed has a chain. */
  processed?: Processed | undefined;
}

/** After this time the found targets are planned, long before they are too old (`CHECK_TRUSTED_MS`). The other jobs get the next round. */
const ROUND_MS = 1_000;

/**
 * Finds the targets of as many jobs as it can in a second, and of at least one. It yields between slices, so that a slow warehouse
 * stops nothing else. `refused` gets the jobs that can have no target.
 */
export async function findTargets(
  jobs: readonly IngestJob[],
  date: ByteName,
  batch: Batch,
  refused: (job: IngestJob, verdict: Verdict) => void,
): Promise<Plan[]> {
  const round: Round = { files: batch.files, chosen: new Set(), missing: new Set() };
  const plans: Plan[] = [];
  const { publish, name } = batch.feed;
  const prefix = publish === undefined ? undefined : prefixOf(publish, name);
  const find = (reader: Reader, warehouse: number, job: IngestJob): void => {
    const wanted = wantedOf(job, date, batch);
    try {
      const processed = job.facts.processed && processedOf(reader, job.facts.content!);
      const { isOriginal = false, outputs = [] } = processed ?? {};
      const named = { wanted, partition: date, isOriginal, outputs };
      const within = { reader, warehouse, batch, round };
      const targets = targetsOf(named, within);
      const long = prefix && tooLongKey(job, prefix, [targets.target, ...targets.outputs]);
      if (long === undefined) plans.push({ job, processed, ...targets });
      else refused(job, hold('key_too_long', long, job.facts));
    } catch (error) {
      if (error instanceof PlaceError || errnoOf(error) === undefined) throw error;
      refused(job, targetRefused(job, batch, wanted, error) ?? failed(job, batch, error));
    }
  };
  batch.worksOn(undefined, 'warehouse');
  const end = performance.now() + ROUND_MS;
  for (let at = 0; at < jobs.length && (at === 0 || performance.now() < end); ) {
    if (at > 0) await new Promise(setImmediate);
    at = batch.backend.read((reader) => {
      const warehouse = warehouseOf(reader, batch.feed.name)!;
      const sliceEnd = performance.now() + SLICE_MS;
      do find(reader, warehouse, jobs[at++]!);
      while (at < jobs.length && performance.now() < sliceEnd);
      return at;
    });
  }
  batch.worksOn(undefined, 'manifests');
  return plans;
}

/** A key has more than the name, so a name that fits here may not fit there. */
function tooLongKey({ id }: IngestJob, prefix: Prefix, targets: readonly ByteName[]): string | undefined {
  const keys = targets.map((target) => objectKey(prefix, id, target));
  const long = keys.find((key) => Buffer.byteLength(key) > KEY_BYTES_MAX);
  return long && `its object would have a key of ${Buffer.byteLength(long)} bytes, and a bucket takes ${KEY_BYTES_MAX}`;
}

const wantedOf = (job: IngestJob, date: ByteName, { feed }: Batch): ByteName =>
  wantedTarget(date, feed.preserveSubdirs ? job.path : baseOf(job.path));

interface Within {
  reader: Reader;
  /** Its number. */
  warehouse: number;
  batch: Batch;
  round: Round;
}

function targetsOf(named: Named, { reader, warehouse, batch, round }: Within): Targets {
  const folder = folderOf(named.wanted);
  // A partition that may not be entered concerns every file of the day, a folder below it only its own files.
  const access = folder === named.partition ? 'root' : 'write';
  return inPlace('warehouse', `${batch.feed.warehouse}/${shownName(folder)}`, access, () =>
    freeTargets(reader, warehouse, named, round),
  );
}

const REFUSED = new Set(['EINVAL', 'EILSEQ', 'ENAMETOOLONG']);
const WITH_NAMES = new Set(['statx', 'openat2', 'mkdirat', 'renameat2', 'linkat']);

/**
 * The verdict for an error that belongs to the target alone. Not every filesystem takes every name: a colon, bytes that are no text,
 * or too many bytes.
 */
export function targetRefused(job: IngestJob, batch: Batch, target: ByteName, error: unknown): Verdict | undefined {
  if (!(error instanceof LinuxError) || !WITH_NAMES.has(error.call)) return undefined;
  if (error.code === 'EACCES' || error.code === 'EPERM') return targetNotPermitted(job, batch, target, error.code);
  if (!REFUSED.has(error.code)) return undefined;
  return hold(
    'target_name_refused',
    `the filesystem of ${batch.feed.warehouse} refuses the name ${shownName(target)} (${error.code})`,
    job.facts,
  );
}

/** Even root may not make a file in a folder with such an attribute. */
function attributeOf({ files }: Batch, target: ByteName): string {
  try {
    const attribute = statFd(files.warehouse.directory(folderOf(target))).attribute;
    return attribute === undefined ? '' : `; the folder is ${attribute}: chattr -${attribute[0]}`;
  } catch {
    return '';
  }
}

/**
 * Held at once, as in the input: permissions do not come back by themselves. A gate would not do: its probe writes into the root of
 * the warehouse, so it would open again while a folder below still refuses.
 */
const targetNotPermitted = (job: IngestJob, batch: Batch, target: ByteName, code: string): Verdict =>
  hold(
    'target_not_permitted',
    `the user ${userName()} may not put the file into the folder ${batch.feed.warehouse}/${shownName(folderOf(target))} (${code}${attributeOf(batch, target)})`,
    job.facts,
  );
