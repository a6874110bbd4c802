/**
 * hash: reads a sealed file once (src/ingest/calls/hash.ts; a large file src/ingest/calls/read.ts) and asks the ledger whether
 * its content is new.
 * Guarantees: the bytes are on disk before the commit that records the hash.
 * Does not: move anything. A duplicate is decided here, and the next claim of its job puts it away.
 */

import { SMALL_BYTES } from '../../files/digest.js';
import { DirtyDirectories } from '../../files/dirty.js';
import { folderOf } from '../../files/job-paths.js';
import type { HashAnswer, ToHash, ToRead } from '../calls/order.js';
import { stabilityMs } from '../rules/completion.js';
import type { JobFacts } from '../rules/facts.js';
import { askOne, eachJob, judgeEach } from '../steps/each-job.js';
import { asking, type Hashed } from '../steps/hashed.js';
import type { IngestJob } from '../steps/job.js';
import { sealedMissing } from '../steps/missing.js';
import {
  type Batch,
  defer,
  durably,
  type Handled,
  hold,
  orderOf,
  retry,
  type Stage,
  type Step,
  writerMs,
} from '../steps/stage.js';
import { askShared } from './ask-shared.js';
import { syncHashed } from './hash-sync.js';
import { readAgain } from './unread-sidecar.js';

export const hash: Stage = {
  name: 'hash',
  places: ['work'],
  byBytes: true,

  async run(jobs, batch) {
    const dirty = new DirtyDirectories();
    const handled = await hashAll(jobs, batch, dirty);
    const durable = await durably(this.name, batch, handled, () => dirty.sync());
    return { steps: await askShared(jobs, await syncHashed(jobs, durable, batch), batch) };
  },
};

/** Small files share one order. A large file, or any file under a rate limit, has an order of its own. */
async function hashAll(jobs: readonly IngestJob[], batch: Batch, dirty: DirtyDirectories): Promise<Handled[]> {
  const small = jobs.filter((job) => !batch.isPaced && !isLarge(job));
  const answers = await batch.calls.run(orderOf(batch, 'hash', small.map(toHash)), small);
  const judged = judgeEach(small, answers, batch, (job, answer) =>
    answer.kind === 'large' ? undefined : judgeHash(job, batch, answer),
  );
  const done = new Map(small.map((job, i) => [job, judged[i]]));
  const rest = jobs.filter((job) => done.get(job) === undefined);
  const byItself = await eachJob(
    rest,
    batch,
    async (job) => judgeRead(job, batch, dirty, await askOne(batch, 'read', toRead(job), job)),
    '',
  );
  for (const [i, job] of rest.entries()) done.set(job, byItself[i]);
  return jobs.map((job) => done.get(job)!);
}

const isLarge = ({ claim: { bytes }, facts: { sealed } }: IngestJob): boolean =>
  bytes > SMALL_BYTES || sealed?.kind === 'copy';

export const toHash = ({ id, path, inside, facts }: IngestJob): ToHash => ({
  id,
  path,
  inside,
  ...(facts.sealed && { sealed: facts.sealed }),
  ...(facts.unread && { unread: true }),
  isHashed: facts.sha256 !== undefined,
});

const toRead = (job: IngestJob): ToRead => ({ ...toHash(job), demanded: job.facts.demanded });

function judgeRead(job: IngestJob, batch: Batch, dirty: DirtyDirectories, answer: HashAnswer): Step {
  if (answer.kind === 'hashed' && answer.sealed.copied)
    dirty.add(batch.files.work(job.inside), folderOf(batch.files.workPath(job, 'file')));
  return judgeHash(job, batch, answer);
}

export function judgeHash(job: IngestJob, batch: Batch, answer: HashAnswer): Step | Hashed {
  switch (answer.kind) {
    case 'hashed':
      return hashed({ ...job.facts, sealed: answer.sealed }, answer.sha256, batch);
    case 'as_hashed': {
      // It was hashed before it had to wait for its twin, and nobody could write it since.
      const facts: JobFacts = { ...job.facts, sealed: answer.sealed };
      return asking(batch, { hashed: facts, isDurable: true });
    }
    case 'again':
      return again(job, batch, answer);
    case 'wait':
      return defer(answer.inMs, 'window');
    case 'empty':
      return hold('empty_file', 'the file is empty, and --on-empty is hold', { ...job.facts, sealed: answer.sealed });
    case 'sidecar':
      return readAgain(job, batch, answer.read);
    case 'missing':
      return sealedMissing(job, batch);
    case 'unopened':
      return retry(answer.code.toLowerCase(), `the sealed file cannot be opened (${answer.code})`);
  }
}

function hashed(given: JobFacts, sha256: string, { feed }: Batch): Step | Hashed {
  const { demanded } = given;
  if (demanded !== undefined && demanded !== sha256) {
    return hold('checksum_mismatch', `its SHA-256 is ${sha256}, but its sidecar demands ${demanded}`, {
      ...given,
      sha256: undefined,
    });
  }
  const { refusals: _, noRoom: __, ...rest } = given;
  const facts = { ...rest, sha256 };
  return asking({ feed }, { hashed: facts });
}

/** A quiet window runs (again) inside `underprocess/`. */
function again(job: IngestJob, batch: Batch, answer: Extract<HashAnswer, { kind: 'again' }>): Step {
  const { why, sealed, now } = answer;
  const { ms: sinceMs, boot } = batch.now();
  const refusals = why === 'writer_open' ? (job.facts.refusals ?? 0) + 1 : 0;
  const inMs = why === 'writer_open' ? writerMs(refusals) : stabilityMs(batch.feed);
  const window = { identity: now.identity, sinceMs, boot, by: 'write' as const };
  const { sha256: _, ...facts } = job.facts;
  return defer(inMs, why, { ...facts, refusals, sealed: { ...sealed, window } }, now);
}
