/**
 * The deliberate exceptions from *each content once*, with operator, time and reason: a content may be ingested once more
 * (as its next generation), or was taken out of the warehouse again.
 * A permission is the number of the next generation. The row of that generation uses it up. When that row is removed (its
 * file was discarded), the permission holds again. So nothing must be noted as used, and no crash can come in between.
 */
import type { Reader, Tx } from '../../../queue/backend.js';
import { WEST_MS } from '../../files/job-paths.js';
import type { Content } from './content.js';

export const exceptionsModule = {
  name: 'exceptions',
  migrations: [
    `
    CREATE TABLE exceptions (
      feed TEXT NOT NULL,
      sha256 BLOB NOT NULL CHECK (length(sha256) = 32),
      -- the generation that is permitted, or that was withdrawn
      generation INTEGER NOT NULL,
      kind TEXT NOT NULL CHECK (kind IN ('allow_again', 'withdraw')),
      who TEXT NOT NULL,
      why TEXT NOT NULL,
      -- wall clock
      at_ms INTEGER NOT NULL,
      PRIMARY KEY (feed, sha256, generation, kind)
    ) WITHOUT ROWID;
    `,
  ],
} as const;

export interface Exception {
  generation: number;
  kind: 'allow_again' | 'withdraw';
  who: string;
  why: string;
  atMs: number;
}

type Of = Pick<Content, 'feed' | 'sha256'>;
/** `atMs`: only for an exception that was made earlier. */
type New = Omit<Exception, 'atMs'> & { atMs?: number };

/** Returns false, and changes nothing, if it is recorded already. */
export const recordException = (tx: Tx, { feed, sha256 }: Of, { generation, kind, who, why, atMs }: New): boolean =>
  tx.run(
    'INSERT OR IGNORE INTO exceptions (feed, sha256, generation, kind, who, why, at_ms) VALUES (?, ?, ?, ?, ?, ?, ?)',
    ...[feed, sha256, generation, kind, who, why, atMs ?? tx.wallMs],
  ).changes > 0;

/** In the order in which they were made. */
export const exceptionsOf = (reader: Reader, { feed, sha256 }: Of): Exception[] =>
  reader.all<Exception>(
    `SELECT generation, kind, who, why, at_ms AS atMs FROM exceptions WHERE feed = ? AND sha256 = ?
     ORDER BY at_ms, generation`,
    ...[feed, sha256],
  );

/** The highest generation that an operator allowed; 0: none. */
const permittedGeneration = (reader: Reader, { feed, sha256 }: Of): number =>
  reader.get<{ n: number | null }>(
    "SELECT max(generation) AS n FROM exceptions WHERE feed = ? AND sha256 = ? AND kind = 'allow_again'",
    ...[feed, sha256],
  )?.n ?? 0;

/** The last ingestion of a content, as a record of an exception says it. */
interface Last {
  atMs: number;
  why: string;
}

/**
 * The next generation of a stored content, if it may be ingested once more: an operator allowed it, or the feed does and enough time lay between
 * its last ingestion and the arrival of the new file. The second case is recorded in the same transaction, like an operator's.
 * The time of arrival counts, not the time of the question: a twin that waited days at a closed gate is no new delivery.
 */
export function nextAfter(
  tx: Tx,
  content: Of & Pick<Content, 'generation'>,
  arrivedAtMs: number,
  againAfterMs: number | undefined,
  lastOf: () => Last,
): number | undefined {
  const generation = content.generation + 1;
  const permitted = permittedGeneration(tx, content);
  if (permitted >= generation) return permitted;
  if (againAfterMs === undefined) return undefined;
  const { atMs, why } = lastOf();
  // If the clock was set back since the arrival, the current time is the earlier one and counts.
  if (Math.min(arrivedAtMs, tx.wallMs) - atMs < againAfterMs) return undefined;
  recordException(tx, content, { generation, kind: 'allow_again', who: '--same-content-again-after', why });
  return generation;
}

/** The same for a content that this host ingested. */
export const nextGeneration = (
  tx: Tx,
  content: Content,
  arrivedAtMs: number,
  againAfterMs: number | undefined,
): number | undefined =>
  nextAfter(tx, content, arrivedAtMs, againAfterMs, () => {
    const atMs = ingestedAtMs(tx, content);
    return { atMs, why: `its content was ingested last at ${new Date(atMs).toISOString()}` };
  });

/** A learned content counts from when it became known. A pruned one has only the hour of its line. */
function ingestedAtMs(tx: Tx, { row, ingestedAtMs: atMs, state, hour }: Content): number {
  if (atMs !== null) return atMs;
  if (state === 'pruned')
    return Date.parse(`${hour!.slice(0, 10).replaceAll('/', '-')}T${hour!.slice(11)}:59:59Z`) + WEST_MS;
  return tx.get<{ at: number }>('SELECT created_at_ms AS at FROM contents WHERE row = ?', row)!.at;
}
