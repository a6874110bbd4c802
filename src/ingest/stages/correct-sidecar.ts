/**
 * Files that were held because their sidecar demands another SHA-256, or is not understood: hash first asks whether the right sidecar
 * lies in the input by now.
 * Guarantees: the first sidecar goes to `failed/`, in a commit of its own, before the right one takes its name. So a crash between
 * the two is found again, and no sidecar is lost.
 */
import type { DirtyDirectories } from '../../files/dirty.js';
import { folderOf } from '../../files/job-paths.js';
import type { CorrectAnswer, ToCorrect } from '../calls/order.js';
import { putSidecarAside } from '../ends/put-away.js';
import { refusedBy } from '../rules/checksum.js';
import type { JobFacts } from '../rules/facts.js';
import { judgeEach } from '../steps/each-job.js';
import type { IngestJob } from '../steps/job.js';
import { type Batch, defer, type Handled, hold, orderOf, type Step } from '../steps/stage.js';

/** Returns a step for each of these files that is not to be hashed now. */
export async function correctSidecars(
  jobs: readonly IngestJob[],
  batch: Batch,
  dirty: DirtyDirectories,
): Promise<Map<IngestJob, Handled>> {
  const unproven = jobs.filter(({ facts }) => facts.unproven);
  if (unproven.length === 0) return new Map();
  const answers = await batch.calls.run(orderOf(batch, 'correct', unproven.map(toCorrect)), unproven);
  const judged = judgeEach(unproven, answers, batch, (job, answer) => judge(job, batch, dirty, answer));
  return new Map(unproven.flatMap((job, i) => (judged[i] ? [[job, judged[i]]] : [])));
}

const toCorrect = ({ id, path, inside, facts, claim }: IngestJob): ToCorrect => ({
  id,
  path,
  inside,
  claimNo: claim.claimNo,
  sha256: facts.unproven!.sha256,
});

function judge(job: IngestJob, batch: Batch, dirty: DirtyDirectories, { kind }: CorrectAnswer): Step | undefined {
  switch (kind) {
    case 'taken':
      // The rename may be from before a crash, and not synced yet.
      dirty.add(batch.files.input, folderOf(job.path));
      dirty.add(batch.files.work(job.inside), folderOf(batch.files.workPath(job, 'sidecar')));
      return defer(0, 'sidecar_corrected', proven(job.facts));
    case 'aside_first':
      putSidecarAside(job, batch, dirty);
      return defer(0, 'sidecar_put_aside', job.facts);
    case 'stays':
    case 'later':
      // An operator's retry: the file is hashed again.
      return job.facts.unproven!.offered === undefined ? undefined : heldAgain(job.facts, kind);
  }
}

/** It is hashed again, and must have the checksum that its new sidecar demands. */
function proven({ unproven, unclear: _, ...facts }: JobFacts): JobFacts {
  return { ...facts, demanded: unproven!.sha256, sealed: { ...facts.sealed!, sidecar: true } };
}

/** The same version is not offered again. */
function heldAgain(facts: JobFacts, kind: 'stays' | 'later'): Step {
  const { sha256, offered, refused } = facts.unproven!;
  const { code, reason } = refusedBy(facts, sha256)!;
  const last = kind === 'stays' ? offered : refused;
  return hold(code, reason, { ...facts, unproven: { sha256, ...(last !== undefined && { refused: last }) } });
}
