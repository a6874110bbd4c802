/**
 * An operator's verbs between the two batches of the scene: a stored content is withdrawn, and what ended half an hour ago is
 * pruned; the second batch has a twin of what was pruned.
 * Guarantees: said again after a death they change nothing more, so the recovery says them again.
 */
import type { Backend } from '../../queue/backend.js';
import type { Config } from '../../src/base/config/options.js';
import { OperatorError } from '../../src/base/errors.js';
import { Pieces } from '../../src/ingest/upkeep/pieces.js';
import { pruneHistory } from '../../src/ingest/upkeep/prune-history.js';
import { contentNamed } from '../../src/tools/exceptions/contents-named.js';
import { withdraw } from '../../src/tools/exceptions/exceptions.js';
import type { Whole } from './whole.js';

const KEPT_MS = 30 * 60_000;

/** Answers whether there is more to do then. */
export async function operate(whole: Whole, sha256: string): Promise<boolean> {
  const { backend, config } = whole;
  const withdrawn = await whole.during('withdraw', () => withdrawOne(backend, config, sha256));
  // A record whose target is reserved stays; the reaper's timer ends the reservations.
  await whole.reap();
  const gone = await whole.during('prune', () => pruneOld(backend));
  return withdrawn !== false || gone !== 0;
}

/** Answers whether it was withdrawn by this call. */
async function withdrawOne(backend: Backend, { feeds }: Config, sha256: string): Promise<boolean> {
  try {
    await withdraw(backend, await contentNamed(backend, feeds, sha256), { who: 'an operator', why: 'by the harness' });
    return true;
  } catch (error) {
    // Withdrawn before a death, or not stored yet under a fault: then the recovery does it.
    if (error instanceof OperatorError) return false;
    throw error;
  }
}

/** Answers how much went. */
async function pruneOld(backend: Backend): Promise<number> {
  const beforeMs = Date.now() - KEPT_MS;
  const { jobs, records } = await pruneHistory({
    view: backend,
    backend,
    beforeMs,
    pieces: new Pieces(0),
    isOver: () => false,
  });
  return jobs + records;
}
