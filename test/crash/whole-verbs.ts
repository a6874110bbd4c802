/**
 * An operator's verbs between the two batches of the scene: a stored content is withdrawn, and records that ended half an hour ago
 * are pruned. The second batch has a twin of a pruned content.
 * Guarantees: repeated after a death they change nothing more, so the recovery repeats them.
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

/** Returns true where there is more to do then. */
export async function operate(whole: Whole, sha256: string): Promise<boolean> {
  const { backend, config } = whole;
  const withdrawn = await whole.during('withdraw', () => withdrawOne(backend, config, sha256));
  await whole.reap();
  const gone = await whole.during('prune', () => pruneOld(backend));
  return withdrawn !== false || gone !== 0;
}

/** Returns true where this call withdrew it. */
async function withdrawOne(backend: Backend, { feeds }: Config, sha256: string): Promise<boolean> {
  try {
    await withdraw(backend, await contentNamed(backend, feeds, sha256), { who: 'an operator', why: 'by the harness' });
    return true;
  } catch (error) {
    // It was withdrawn before a death, or is not stored yet under a fault: then the recovery does it.
    if (error instanceof OperatorError) return false;
    throw error;
  }
}

/** Returns how much was pruned. */
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
