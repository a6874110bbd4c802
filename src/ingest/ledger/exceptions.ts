/**
 * The deliberate exceptions from *each content once*, with who made them, when and why: a content may be ingested once more
 * (as its next generation), or was taken out of the warehouse again.
 * A permission is the number of the generation that may come to be, so it is used up by that generation's row, and stands
 * again where that row goes (its file was discarded): nothing has to be marked as used, and no crash comes in between.
 */
import type { Reader, Tx } from '../../../queue/backend.js';
import type { Content } from './content.js';

export const exceptionsModule = {
  name: 'exceptions',
  migrations: [
    `
    CREATE TABLE exceptions (
      feed TEXT NOT NULL,
      sha256 BLOB NOT NULL CHECK (length(sha256) = 32),
      -- which may come to be; or which was withdrawn
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

/** An hour is named by the clock of a zone that is at most so much behind. */
const ZONE_MS = 12 * 3_600_000;

export interface Exception {
  generation: number;
  kind: 'allow_again' | 'withdraw';
  who: string;
  why: string;
  atMs: number;
}

type Of = Pick<Content, 'feed' | 'sha256'>;
/** `atMs`: where it is not now that it is made. */
type New = Omit<Exception, 'atMs'> & { atMs?: number };

/** Answers false, and changes nothing, where it is recorded already. */
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

/**
 * Whether a stored content may be ingested once more: an operator said so, or its feed does and so much time lay between its
 * last ingestion and the arrival of the new drop (which is recorded as if somebody had said so, in the same transaction).
 * The arrival counts, and not now: a twin that waited behind a closed gate for days is no new delivery.
 */
export function mayComeAgain(tx: Tx, content: Content, arrivedAtMs: number, againAfterMs: number | undefined): boolean {
  const { feed, sha256, generation } = content;
  const next = generation + 1;
  const allowed = tx.get(
    "SELECT 1 FROM exceptions WHERE feed = ? AND sha256 = ? AND generation = ? AND kind = 'allow_again'",
    ...[feed, sha256, next],
  );
  if (allowed !== undefined) return true;
  const lastMs = againAfterMs === undefined ? Number.POSITIVE_INFINITY : ingestedAtMs(tx, content);
  // Where the clock went back since, it has come by now all the same.
  if (againAfterMs === undefined || Math.min(arrivedAtMs, tx.wallMs) - lastMs < againAfterMs) return false;
  const why = `its content was ingested last at ${new Date(lastMs).toISOString()}`;
  recordException(tx, content, { generation: next, kind: 'allow_again', who: '--same-content-again-after', why });
  return true;
}

/** What was learned counts from when it became known; of what was pruned only the hour of its line is left. */
function ingestedAtMs(tx: Tx, { row, ingestedAtMs: atMs, note, hour }: Content): number {
  if (atMs !== null) return atMs;
  if (note === 'pruned')
    return Date.parse(`${hour!.slice(0, 10).replaceAll('/', '-')}T${hour!.slice(11)}:59:59Z`) + ZONE_MS;
  return tx.get<{ at: number }>('SELECT created_at_ms AS at FROM contents WHERE row = ?', row)!.at;
}
