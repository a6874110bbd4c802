/**
 * Asks the shared ledger which host has each content of a batch.
 * Uses two statements, each a transaction of its own: the first inserts contents that no host has, the second reads contents that
 * some host has. In one statement the second part would see the snapshot from before the first: neither its own new rows nor the
 * rows that won against it.
 * Guarantees: the same question with the same claim gets the same answer, also after a connection was cut halfway.
 * Does not: know whether a row of this host is on its way or was left by a dead process. The local ledger knows.
 */
import type { Rows } from './connection.js';
import { SharedError } from './errors.js';
import { taken } from './hosts.js';

/** The host that asks, and its incarnation. */
export interface Asker {
  host: string;
  incarnation: bigint;
}

export interface Question {
  /** 32 bytes. */
  sha256: Buffer;
  feed: string;
  /** Identifies the answer `mine`: a UUID that was never used before. */
  claim: string;
  /** The job that asks. Its host knows whether the job still needs the answer. */
  job: string;
  size: number;
  /** `--same-content-again-after` in ms, counted from the time when it was stored, by the clock of the database. */
  againAfterMs?: number | undefined;
}

interface Row {
  generation: number;
  host: string;
  hostName: string;
}

export type Answer =
  | { kind: 'mine'; generation: number }
  /** This host has it under another claim. */
  | ({ kind: 'own'; claim: string; job: string; state: 'carried' | 'stored'; ingestId: string | null } & Row)
  | ({ kind: 'stored'; ingestId: string | null; target: Buffer | null } & Row)
  | ({ kind: 'carried'; held: string | null; heldSince: string | null; sinceMs: number } & Row);

const INSERT_NEW = `
INSERT INTO contents (sha256, feed, generation, host, job, claim, state, size, carried_at)
SELECT a.sha256, a.feed, a.generation, h.id, a.job, a.claim, 'carried', a.size, now()
  FROM unnest($3::bytea[], $4::text[], $5::int[], $6::text[], $7::uuid[], $8::bigint[])
       AS a (sha256, feed, generation, job, claim, size),
       hosts h
 WHERE h.id = $1 AND h.incarnation = $2
 ORDER BY a.sha256, a.feed, a.generation
ON CONFLICT DO NOTHING
RETURNING claim, generation`;

/** The time in UTC, ISO 8601. */
export const HELD_SINCE = `to_char(c.held_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')`;

const READ = `
SELECT a.n::int AS n, c.generation, c.host, c.job, c.claim, c.state, c.held, ${HELD_SINCE} AS held_since, c.ingest_id, c.target, o.name,
       extract(epoch FROM c.carried_at) * 1000 AS since_ms,
       c.state = 'stored' AND (p.generation IS NOT NULL OR now() - c.stored_at >= a.again_ms * interval '1 millisecond') AS again,
       (SELECT incarnation FROM hosts WHERE id = $1) AS incarnation
  FROM unnest($2::bytea[], $3::text[], $4::float8[]) WITH ORDINALITY AS a (sha256, feed, again_ms, n)
  LEFT JOIN LATERAL (SELECT * FROM contents c WHERE c.sha256 = a.sha256 AND c.feed = a.feed
                      ORDER BY c.generation DESC LIMIT 1) c ON true
  LEFT JOIN permissions p ON p.sha256 = a.sha256 AND p.feed = a.feed AND p.generation = c.generation + 1
  LEFT JOIN hosts o ON o.id = c.host`;

interface Found {
  n: number;
  generation: number | null;
  host: string;
  job: string;
  claim: string;
  state: 'carried' | 'stored';
  held: string | null;
  held_since: string | null;
  ingest_id: string | null;
  target: Buffer | null;
  name: string;
  since_ms: string;
  again: boolean | null;
  incarnation: string | null;
}

interface Open {
  n: number;
  question: Question;
  generation: number;
}

/** A row may disappear between the two statements, or its next generation may be permitted. More rounds than this are a bug. */
const ROUNDS_MAX = 8;

/**
 * Returns the answers in the order of the questions. A batch has each content only once.
 * Errors: SharedError. `host_id_taken` if the host has a newer incarnation; nothing was inserted then.
 */
export async function ask(shared: Rows, asker: Asker, questions: readonly Question[]): Promise<readonly Answer[]> {
  const answers: Answer[] = [];
  let open: Open[] = questions.map((question, n) => ({ n, question, generation: 1 }));
  for (let round = 0; open.length > 0; round++) {
    if (round === ROUNDS_MAX)
      throw new SharedError(
        'unknown',
        'no_answer',
        `the shared ledger ${shared.where} changed its answer ${round} times`,
      );
    const mine = await insertNew(shared, asker, open);
    const lost = open.filter(({ n, question: { claim } }) => {
      const generation = mine.get(claim);
      if (generation !== undefined) answers[n] = { kind: 'mine', generation };
      return generation === undefined;
    });
    open = lost.length > 0 ? await readRows(shared, asker, lost, answers) : [];
  }
  return answers;
}

async function insertNew(shared: Rows, asker: Asker, open: readonly Open[]): Promise<Map<string, number>> {
  const rows = await shared.rows<{ claim: string; generation: number }>(INSERT_NEW, [
    ...[asker.host, asker.incarnation],
    open.map(({ question }) => question.sha256),
    open.map(({ question }) => question.feed),
    open.map(({ generation }) => generation),
    open.map(({ question }) => question.job),
    open.map(({ question }) => question.claim),
    open.map(({ question }) => question.size),
  ]);
  return new Map(rows.map(({ claim, generation }) => [claim, generation]));
}

/** Fills `answers`. Returns the questions to ask again, each with its next generation. */
async function readRows(shared: Rows, asker: Asker, lost: readonly Open[], answers: Answer[]): Promise<Open[]> {
  const found = await shared.rows<Found>(READ, [
    asker.host,
    lost.map(({ question }) => question.sha256),
    lost.map(({ question }) => question.feed),
    lost.map(({ question }) => question.againAfterMs ?? null),
  ]);
  const again: Open[] = [];
  for (const row of found) {
    if (row.incarnation === null || BigInt(row.incarnation) !== asker.incarnation)
      throw taken(shared, asker.host, 'it went on at another place');
    const one = lost[row.n - 1]!;
    if (row.generation === null) again.push({ ...one, generation: 1 });
    else if (row.again === true) again.push({ ...one, generation: row.generation + 1 });
    else answers[one.n] = answerOf(row as Found & { generation: number }, asker, one.question);
  }
  return again;
}

function answerOf(row: Found & { generation: number }, { host }: Asker, { claim }: Question): Answer {
  const { generation, state, ingest_id: ingestId, name: hostName } = row;
  const of: Row = { generation, host: row.host, hostName };
  if (row.host === host && row.claim === claim && state === 'carried') return { kind: 'mine', generation };
  if (row.host === host) return { ...of, kind: 'own', claim: row.claim, job: row.job, state, ingestId };
  if (state === 'stored') return { ...of, kind: 'stored', ingestId, target: row.target };
  return { ...of, kind: 'carried', held: row.held, heldSince: row.held_since, sinceMs: Number(row.since_ms) };
}
