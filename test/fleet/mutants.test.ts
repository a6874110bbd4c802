/** Each fault of the protocol's first draft, put back: the random play finds it. What it finds is printed with its seed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Answer, ask, type Question } from '../../src/fleet/ask.js';
import { namesOf, type sendReleased, type sendStored } from '../../src/fleet/send.js';
import { Postgres } from '../world/postgres.js';
import { Play, sitesOf } from './play.js';
import { PRODUCT, type Protocol } from './simulated-host.js';

/** One fault is a race of two statements: it shows in about one round of 50. */
const ROUNDS_MAX = 1_000;

/** Puts in and looks in one statement, which sees the moment before it: who loses to another host sees nobody, and takes it for its own. */
const inOneStatement: typeof ask = async (shared, asker, questions) => {
  const seen = await shared.rows<{ sha256: string }>(
    `WITH put AS (
       INSERT INTO contents (sha256, feed, generation, host, job, claim, state, size, carried_at)
       SELECT a.sha256, a.feed, 1, $1, a.job, a.claim, 'carried', 1, now()
         FROM unnest($2::bytea[], $3::text[], $4::text[], $5::uuid[]) AS a (sha256, feed, job, claim)
        ORDER BY 1, 2 ON CONFLICT DO NOTHING)
     SELECT encode(c.sha256, 'hex') AS sha256 FROM contents c WHERE c.sha256 = ANY ($2)`,
    [
      asker.host,
      questions.map(({ sha256 }) => sha256),
      questions.map(({ feed }) => feed),
      questions.map(({ job }) => job),
      questions.map(({ claim }) => claim),
    ],
  );
  const known = new Set(seen.map(({ sha256 }) => sha256));
  const isKnown = ({ sha256 }: Question): boolean => known.has(sha256.toString('hex'));
  const answers: Answer[] = [...(await ask(shared, asker, questions.filter(isKnown)))];
  return questions.map((question) => (isKnown(question) ? answers.shift()! : { kind: 'mine', generation: 1 }));
};

/** Whatever the claim is. */
const releasedByHost: typeof sendReleased = async (shared, host, told) => {
  await shared.rows(
    `DELETE FROM contents c USING unnest($2::bytea[], $3::text[], $4::int[]) AS a (sha256, feed, generation)
      WHERE c.sha256 = a.sha256 AND c.feed = a.feed AND c.generation = a.generation AND c.host = $1 AND c.state = 'carried'`,
    [host, ...namesOf(told)],
  );
};

/** Only the row that has the claim. */
const storedByClaim: typeof sendStored = async (shared, host, told) => {
  await shared.rows(
    "UPDATE contents SET state = 'stored', stored_at = now() WHERE host = $1 AND claim = ANY ($2::uuid[])",
    [host, told.map(({ claim }) => claim)],
  );
  return [];
};

const MUTANTS: Record<string, Partial<Protocol>> = {
  'a sweep that looks at jobs alone': { keeps: () => false },
  'a release by host alone': { sendReleased: releasedByHost },
  '*stored* by claim': { sendStored: storedByClaim },
  'one statement for ask and look': { ask: inOneStatement },
  'only unknown hashes asked': { asksKnown: false },
};

for (const [name, change] of Object.entries(MUTANTS))
  test(`the play finds: ${name}`, { timeout: 600_000 }, async (t) => {
    const server = await Postgres.start(t);
    if (!server) return;
    const play = new Play(server, await sitesOf(t, server, { ...PRODUCT, ...change }), process.env.SEED ?? 'mutants');
    for (let round = 0; round < ROUNDS_MAX; round++) {
      try {
        await play.round(round);
      } catch (error) {
        assert.ok(error instanceof assert.AssertionError, String(error));
        t.diagnostic(`in round ${round}: ${error.message.split('\n')[0]}`);
        return;
      }
    }
    assert.fail(`${ROUNDS_MAX} rounds have not found it`);
  });
