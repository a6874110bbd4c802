/**
 * hash: reads a sealed file once (src/ingest/calls/hash.ts) and asks the ledger whether its content is new.
 * Guarantees: the bytes are on disk before the commit that records the hash.
 * A file that was held because of its sidecar is asked first whether the right one lies in the input by now: the first sidecar goes to
 * `failed/`, in a commit of its own, before the right one takes its name.
 * Does not: move anything. A duplicate is decided here, and the next claim of its job puts it away.
 */
import { SMALL_BYTES } from '../../files/digest.js';
import { DirtyDirectories } from '../../files/dirty.js';
import { folderOf } from '../../files/job-paths.js';
import { PlaceError } from '../../files/place-error.js';
import { syncFiles } from '../../files/sync.js';
import type { CorrectAnswer, HashAnswer, ToCorrect, ToHash, ToRead } from '../calls/order.js';
import { askLedger } from '../ledger/ask.js';
import { contentByRow, hasEnded } from '../ledger/content.js';
import { demandOf, refusedBy } from '../rules/checksum.js';
import { stabilityMs } from '../rules/completion.js';
import type { JobFacts, Sealed } from '../rules/facts.js';
import { TURN } from '../rules/reasons.js';
import { askOne, byErrno, eachJob, judgeEach, sealedMissing } from './each-job.js';
import { changed } from './move.js';
import { putSidecarAside } from './put-away.js';
import {
  type Batch,
  defer,
  durably,
  hold,
  type IngestJob,
  orderOf,
  retry,
  type Stage,
  type Verdict,
  writerMs,
} from './stage.js';
import { notRead } from './verify-complete.js';

/** It knows the file's hash, and asks the ledger for its outcome. It is valid only once the file's bytes are on disk. */
interface Hashed extends Verdict {
  hashed: JobFacts;
}

const isHashed = (verdict: Verdict): verdict is Hashed => 'hashed' in verdict;

export const hash: Stage = {
  name: 'hash',
  places: ['work'],
  byBytes: true,
  reasons: {
    twin: { short: 'waiting for a twin', who: 'nobody' },
    sidecar_corrected: TURN,
    sidecar_put_aside: TURN,
  },

  async run(jobs, batch) {
    const dirty = new DirtyDirectories();
    const handled = await hashAll(jobs, batch, dirty);
    const durable = await durably(this.name, batch, handled, dirty);
    return { verdicts: await syncHashed(jobs, durable, batch) };
  },
};

/** Small files share one order. A large file, or any file under a rate limit, has an order of its own. */
async function hashAll(
  jobs: readonly IngestJob[],
  batch: Batch,
  dirty: DirtyDirectories,
): Promise<(Verdict | PlaceError)[]> {
  const done: Map<IngestJob, Verdict | PlaceError | undefined> = await correctSidecars(jobs, batch, dirty);
  const open = jobs.filter((job) => !done.has(job));
  const small = open.filter((job) => !batch.isPaced && !isLarge(job));
  const answers = await batch.calls.run(orderOf(batch, 'hash', small.map(toHash)), small);
  const judged = judgeEach(small, answers, batch, (job, answer) =>
    answer.kind === 'large' ? undefined : judgeHash(job, batch, answer),
  );
  for (const [i, job] of small.entries()) done.set(job, judged[i]);
  const rest = jobs.filter((job) => done.get(job) === undefined);
  const byItself = await eachJob(
    rest,
    batch,
    async (job) => judgeRead(job, batch, dirty, await askOne(batch, 'read', toRead(job), job)),
    false,
  );
  for (const [i, job] of rest.entries()) done.set(job, byItself[i]);
  return jobs.map((job) => done.get(job)!);
}

const isLarge = ({ claim: { bytes }, facts: { sealed } }: IngestJob): boolean =>
  bytes > SMALL_BYTES || sealed?.kind === 'copy';

const toHash = ({ id, path, inside, facts }: IngestJob): ToHash => ({
  id,
  path,
  inside,
  ...(facts.sealed && { sealed: facts.sealed }),
  ...(facts.unread && { unread: true }),
  isHashed: facts.sha256 !== undefined,
});

const toRead = (job: IngestJob): ToRead => ({ ...toHash(job), demanded: job.facts.demanded });

function judgeRead(job: IngestJob, batch: Batch, dirty: DirtyDirectories, answer: HashAnswer): Verdict {
  if (answer.kind === 'hashed' && answer.sealed.copied)
    dirty.add(batch.files.work(job.inside), folderOf(batch.files.workPath(job, 'copy')));
  return judgeHash(job, batch, answer);
}

function judgeHash(job: IngestJob, batch: Batch, answer: HashAnswer): Verdict | Hashed {
  switch (answer.kind) {
    case 'hashed':
      return hashed(job, batch, answer);
    case 'as_hashed': {
      // It was hashed before it had to wait for its twin, and nobody could write it since.
      const facts: JobFacts = { ...job.facts, sealed: answer.sealed };
      return { outcome: (tx, claimed) => askLedger(tx, claimed, facts, batch.feed) };
    }
    case 'again':
      return again(job, batch, answer);
    case 'wait':
      return defer(answer.inMs, 'window');
    case 'empty':
      return hold('empty_file', 'the file is empty, and --on-empty is hold', { ...job.facts, sealed: answer.sealed });
    case 'sidecar':
      return notRead(job, batch, answer.read.seen, job.facts)!;
    case 'missing':
      return sealedMissing(job, batch);
    case 'unopened':
      return byErrno(job, answer.code, `the sealed file cannot be opened (${answer.code})`);
  }
}

function hashed(
  job: IngestJob,
  batch: Batch,
  { sealed, sha256, sidecar }: Extract<HashAnswer, { kind: 'hashed' }>,
): Verdict | Hashed {
  const later = sidecar && notRead(job, batch, sidecar.seen, job.facts);
  if (later) return later;
  if (carriesOther(job, batch, sha256)) return changed(job);
  const { unread: _unread, ...known } = job.facts;
  const given: JobFacts = { ...known, sealed, ...(sidecar && demandOf(sidecar.checksum)) };
  const refused = refusedBy(given, sha256);
  if (refused) return hold(refused.code, refused.reason, { ...given, sha256: undefined, unproven: { sha256 } });
  const { refusals: _, noRoom: __, copyBytes: ___, unproven: ____, ...rest } = given;
  const facts = { ...rest, sha256 };
  return { hashed: facts, outcome: (tx, claimed) => askLedger(tx, claimed, facts, batch.feed) };
}

/** A rebuild that could not read the file left the job its content. An id has one content. */
function carriesOther({ id, facts }: IngestJob, { backend }: Batch, sha256: string): boolean {
  const row = facts.content;
  const content = row === undefined ? undefined : backend.read((reader) => contentByRow(reader, row));
  return content?.carrier === id && !hasEnded(content) && content.sha256.toString('hex') !== sha256;
}

/** A quiet window runs (again) inside `underprocess/`. */
function again(job: IngestJob, batch: Batch, answer: Extract<HashAnswer, { kind: 'again' }>): Verdict {
  const { why, sealed, now } = answer;
  const { ms: sinceMs, boot } = batch.now();
  const refusals = why === 'writer_open' ? (job.facts.refusals ?? 0) + 1 : 0;
  const inMs = why === 'writer_open' ? writerMs(refusals) : stabilityMs(batch.feed);
  const window = { identity: now.identity, sinceMs, boot, by: 'write' as const };
  const { sha256: _, ...facts } = job.facts;
  return defer(inMs, why, { ...facts, refusals, sealed: { ...sealed, window } }, now);
}

/**
 * Makes the bytes of a hashed batch durable before the commit that records the hashes.
 * Where that fails, no file of the batch is trusted: each is copied, and must still have the bytes that were hashed.
 * It runs after everything else that a batch makes durable: so a later failure cannot hide that a sync has failed.
 */
async function syncHashed(jobs: readonly IngestJob[], handled: readonly Verdict[], batch: Batch): Promise<Verdict[]> {
  // A private copy is on disk already. Its original is not used again: after a failed sync a second one would report success wrongly.
  const isOwn = (verdict: Verdict): boolean => isHashed(verdict) && !verdict.hashed.sealed?.copied;
  const hashed = jobs.flatMap((job, i) => (isOwn(handled[i]!) ? [job] : []));
  const failed = new Set<IngestJob>();
  for (const inside of new Set(hashed.map((job) => job.inside))) {
    const group = hashed.filter((job) => job.inside === inside);
    try {
      await syncFiles(
        batch.files.work(inside),
        group.map((job) => batch.files.workPath(job, 'file')),
      );
    } catch (error) {
      if (error instanceof PlaceError) throw error;
      batch.emit('sync_failed', { feed: batch.feed.name, files: group.length, error: (error as Error).message });
      for (const job of group) failed.add(job);
    }
  }
  return handled.map((verdict, i) => (failed.has(jobs[i]!) && isHashed(verdict) ? untrusted(verdict) : verdict));
}

/**
 * After a failed fsync the kernel has dropped the dirty pages, and a second fsync would report success wrongly. The bytes are written
 * again, into a private copy, and must still be those that were hashed.
 */
function untrusted({ hashed }: Hashed): Verdict {
  const { sha256, ...facts } = hashed;
  const sealed: Sealed = { ...facts.sealed!, kind: 'copy', because: 'sync_failed' };
  return retry('sync_failed', 'making the file durable failed: it is copied and compared at the next attempt', {
    ...facts,
    sealed,
    demanded: facts.demanded ?? sha256!,
  });
}

/** Returns a verdict for each of these files that is not to be hashed now. */
async function correctSidecars(
  jobs: readonly IngestJob[],
  batch: Batch,
  dirty: DirtyDirectories,
): Promise<Map<IngestJob, Verdict | PlaceError>> {
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

function judge(job: IngestJob, batch: Batch, dirty: DirtyDirectories, { kind }: CorrectAnswer): Verdict | undefined {
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
function heldAgain(facts: JobFacts, kind: 'stays' | 'later'): Verdict {
  const { sha256, offered, refused } = facts.unproven!;
  const { code, reason } = refusedBy(facts, sha256)!;
  const last = kind === 'stays' ? offered : refused;
  return hold(code, reason, { ...facts, unproven: { sha256, ...(last !== undefined && { refused: last }) } });
}
