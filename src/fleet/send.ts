/**
 * Sends to the shared ledger what the local ledger has already recorded: contents that were stored, released or held.
 * Guarantees: every message is idempotent. *Stored* is sent by host, whatever claim the row has. *Released* names the claim that
 * is given up, because the row may have another claim by then. A row of another host is never overwritten; it becomes a conflict.
 */
import type { Rows } from './connection.js';

export interface Named {
  /** 32 bytes. */
  sha256: Buffer;
  feed: string;
  generation: number;
}

export interface Stored extends Named {
  /** The claim under which it was carried, else one that was never used. */
  claim: string;
  job: string;
  /** Null if the content was learned. */
  ingestId: string | null;
  target: Buffer | null;
  size: number;
}

export interface Released extends Named {
  claim: string;
}

export interface Held extends Released {
  /** The code of the hold; null when the job goes on. */
  code: string | null;
}

const STORED = `
INSERT INTO contents (sha256, feed, generation, host, job, claim, state, ingest_id, target, size, carried_at, stored_at)
SELECT a.sha256, a.feed, a.generation, $1, a.job, a.claim, 'stored', a.ingest_id, a.target, a.size, now(), now()
  FROM unnest($2::bytea[], $3::text[], $4::int[], $5::text[], $6::uuid[], $7::text[], $8::bytea[], $9::bigint[])
       AS a (sha256, feed, generation, job, claim, ingest_id, target, size)
 ORDER BY a.sha256, a.feed, a.generation
ON CONFLICT (sha256, feed, generation) DO UPDATE
   SET state = 'stored', held = NULL, held_at = NULL, ingest_id = EXCLUDED.ingest_id, target = EXCLUDED.target,
       stored_at = coalesce(contents.stored_at, EXCLUDED.stored_at)
 WHERE contents.host = EXCLUDED.host
RETURNING sha256, feed, generation`;

const CONFLICT = `
INSERT INTO conflicts (sha256, feed, generation, host, ingest_id, target, reported_at, before_join)
SELECT a.sha256, a.feed, a.generation, $1, a.ingest_id, a.target, now(), $7
  FROM unnest($2::bytea[], $3::text[], $4::int[], $5::text[], $6::bytea[]) AS a (sha256, feed, generation, ingest_id, target)
ON CONFLICT DO NOTHING`;

export interface Carried extends Released {
  job: string;
  size: number;
}

/** Sends contents that the shared ledger should have and may have lost. A row of another host stays unchanged. */
export async function sendCarried(shared: Rows, host: string, entries: readonly Carried[]): Promise<void> {
  if (entries.length === 0) return;
  await shared.rows(
    `INSERT INTO contents (sha256, feed, generation, host, job, claim, state, size, carried_at)
     SELECT a.sha256, a.feed, a.generation, $1, a.job, a.claim, 'carried', a.size, now()
       FROM unnest($2::bytea[], $3::text[], $4::int[], $5::text[], $6::uuid[], $7::bigint[])
            AS a (sha256, feed, generation, job, claim, size)
      ORDER BY a.sha256, a.feed, a.generation
     ON CONFLICT DO NOTHING`,
    [
      host,
      ...namesOf(entries),
      entries.map(({ job }) => job),
      entries.map(({ claim }) => claim),
      entries.map(({ size }) => size),
    ],
  );
}

/** How a content of another host is recorded: as a conflict, as a harmless conflict from before the join, or not at all. */
export type OfOthers = 'conflict' | 'before_join' | 'left';

/** Returns the contents that another host has. */
export async function sendStored(
  shared: Rows,
  host: string,
  entries: readonly Stored[],
  ofOthers: OfOthers = 'conflict',
): Promise<Stored[]> {
  if (entries.length === 0) return [];
  const written = await shared.rows<{ sha256: Buffer; feed: string; generation: number }>(STORED, [
    host,
    ...namesOf(entries),
    entries.map(({ job }) => job),
    entries.map(({ claim }) => claim),
    entries.map(({ ingestId }) => ingestId),
    entries.map(({ target }) => target),
    entries.map(({ size }) => size),
  ]);
  const done = new Set(written.map(keyOf));
  const others = entries.filter((one) => !done.has(keyOf(one)));
  if (others.length > 0 && ofOthers !== 'left')
    await shared.rows(CONFLICT, [
      host,
      ...namesOf(others),
      others.map(({ ingestId }) => ingestId),
      others.map(({ target }) => target),
      ofOthers === 'before_join',
    ]);
  return others;
}

export async function sendReleased(shared: Rows, host: string, entries: readonly Released[]): Promise<void> {
  if (entries.length === 0) return;
  await shared.rows(
    `DELETE FROM contents c USING unnest($2::bytea[], $3::text[], $4::int[], $5::uuid[]) AS a (sha256, feed, generation, claim)
      WHERE c.sha256 = a.sha256 AND c.feed = a.feed AND c.generation = a.generation AND c.claim = a.claim
        AND c.host = $1 AND c.state = 'carried'`,
    [host, ...namesOf(entries), entries.map(({ claim }) => claim)],
  );
}

export async function sendHeld(shared: Rows, host: string, entries: readonly Held[]): Promise<void> {
  if (entries.length === 0) return;
  await shared.rows(
    `UPDATE contents c SET held = a.code, held_at = CASE WHEN a.code IS NULL THEN NULL ELSE now() END
       FROM unnest($2::bytea[], $3::text[], $4::int[], $5::uuid[], $6::text[]) AS a (sha256, feed, generation, claim, code)
      WHERE c.sha256 = a.sha256 AND c.feed = a.feed AND c.generation = a.generation AND c.claim = a.claim
        AND c.host = $1 AND c.state = 'carried'`,
    [host, ...namesOf(entries), entries.map(({ claim }) => claim), entries.map(({ code }) => code)],
  );
}

/** Permits these generations at any host. Idempotent. */
export async function sendPermitted(shared: Rows, entries: readonly Named[]): Promise<void> {
  if (entries.length === 0) return;
  await shared.rows(
    `INSERT INTO permissions (sha256, feed, generation)
     SELECT * FROM unnest($1::bytea[], $2::text[], $3::int[]) ON CONFLICT DO NOTHING`,
    namesOf(entries),
  );
}

/** The contents were taken out of this host's warehouse. If two hosts had stored one, the row goes to the other host. */
export async function sendWithdrawn(shared: Rows, host: string, entries: readonly Named[]): Promise<void> {
  if (entries.length === 0) return;
  const names = namesOf(entries);
  await shared.rows(
    `UPDATE contents c SET host = o.host, ingest_id = o.ingest_id, target = o.target
       FROM unnest($2::bytea[], $3::text[], $4::int[]) AS a (sha256, feed, generation)
       JOIN LATERAL (SELECT * FROM conflicts o WHERE o.sha256 = a.sha256 AND o.feed = a.feed AND o.generation = a.generation
                      ORDER BY o.reported_at, o.host LIMIT 1) o ON true
      WHERE c.sha256 = a.sha256 AND c.feed = a.feed AND c.generation = a.generation AND c.host = $1 AND c.state = 'stored'`,
    [host, ...names],
  );
  await shared.rows(
    `DELETE FROM conflicts o USING unnest($2::bytea[], $3::text[], $4::int[]) AS a (sha256, feed, generation), contents c
      WHERE o.sha256 = a.sha256 AND o.feed = a.feed AND o.generation = a.generation
        AND c.sha256 = a.sha256 AND c.feed = a.feed AND c.generation = a.generation AND o.host IN ($1, c.host)`,
    [host, ...names],
  );
}

/** Records the number of the last outbox entry that a host has sent. */
export async function noteCounter(shared: Rows, host: string, counter: number): Promise<void> {
  await shared.rows('UPDATE hosts SET counter = $2 WHERE id = $1 AND counter < $2', [host, counter]);
}

/**
 * Gives a row to this claim, if the local ledger does not know the row and no job asks for it any more.
 * Returns whether it succeeded: another job of the host may have been quicker.
 */
export async function takeOver(
  shared: Rows,
  host: string,
  { sha256, feed, generation, claim: from }: Released,
  { claim, job }: { claim: string; job: string },
): Promise<boolean> {
  const taken = await shared.rows(
    `UPDATE contents SET claim = $6, job = $7, carried_at = now(), held = NULL, held_at = NULL
      WHERE sha256 = $1 AND feed = $2 AND generation = $3 AND host = $4 AND claim = $5 AND state = 'carried' RETURNING claim`,
    [sha256, feed, generation, host, from, claim, job],
  );
  return taken.length > 0;
}

export const namesOf = (entries: readonly Named[]): unknown[] => [
  entries.map(({ sha256 }) => sha256),
  entries.map(({ feed }) => feed),
  entries.map(({ generation }) => generation),
];

export const keyOf = ({ sha256, feed, generation }: Named): string => `${sha256.toString('hex')} ${generation} ${feed}`;
