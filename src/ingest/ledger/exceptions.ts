/**
 * The deliberate exceptions from *each content once*, with operator, time and reason: a content may be ingested once more
 * (as its next generation), or was taken out of the warehouse again.
 * A permission is the number of the next generation. The row of that generation uses it up. When that row is removed (its
 * file was discarded), the permission holds again. So nothing must be noted as used, and no crash can come in between.
 */
import type { Reader, Tx } from '../../../queue/backend.js';
import { WEST_MS } from '../../files/job-paths.js';
import { type Content, hasEnded } from './content.js';

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

interface Next {
  generation: number;
  /** It is the feed that allows it, and that is not recorded yet: why. */
  why?: string;
}

/** When a file came, and after how long its feed lets a content in again. */
export interface Arrival {
  arrivedAtMs: number;
  againAfterMs: number | undefined;
  /** Wall clock. */
  nowMs: number;
}

/**
 * The next generation of a stored content, if it may be ingested once more: an operator allowed it, or the feed does and enough time lay between
 * its last ingestion and the arrival of the new file.
 * The time of arrival counts, not the time of the question: a twin that waited days at a closed gate is no new delivery.
 */
export function nextOf(
  reader: Reader,
  content: Of & Pick<Content, 'generation'>,
  { arrivedAtMs, againAfterMs, nowMs }: Arrival,
  lastOf: () => Last,
): Next | undefined {
  const generation = content.generation + 1;
  const permitted = permittedGeneration(reader, content);
  if (permitted >= generation) return { generation: permitted };
  if (againAfterMs === undefined) return undefined;
  const { atMs, why } = lastOf();
  // If the clock was set back since the arrival, the current time is the earlier one and counts.
  return Math.min(arrivedAtMs, nowMs) - atMs < againAfterMs ? undefined : { generation, why };
}

/** The same for a content as this host knows it. Of one that another host has, only the shared ledger knows when it was ingested. */
export function nextOfContent(reader: Reader, content: Content, arrival: Arrival): Next | undefined {
  if (!hasEnded(content)) return undefined;
  const againAfterMs = content.state === 'elsewhere' ? undefined : arrival.againAfterMs;
  return nextOf(reader, content, { ...arrival, againAfterMs }, () => lastOf(reader, content));
}

/** Returns the generation. That the feed allows it is recorded in the same transaction, like an operator's permission. */
export function takeNext(tx: Tx, content: Of, next: Next | undefined): number | undefined {
  if (next?.why !== undefined) {
    const { generation, why } = next;
    recordException(tx, content, { generation, kind: 'allow_again', who: '--same-content-again-after', why });
  }
  return next?.generation;
}

function lastOf(reader: Reader, content: Content): Last {
  const atMs = ingestedAtMs(reader, content);
  return { atMs, why: `its content was ingested last at ${new Date(atMs).toISOString()}` };
}

/** A learned content counts from when it became known. A pruned one has only the hour of its line. */
function ingestedAtMs(reader: Reader, { row, ingestedAtMs: atMs, state, hour }: Content): number {
  if (atMs !== null) return atMs;
  if (state === 'pruned')
    return Date.parse(`${hour!.slice(0, 10).replaceAll('/', '-')}T${hour!.slice(11)}:59:59Z`) + WEST_MS;
  return reader.get<{ at: number }>('SELECT created_at_ms AS at FROM contents WHERE row = ?', row)!.at;
}
