/** The protocol of the shared ledger under random faults (play.ts). SEED= as printed; ROUNDS= for the long form. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Postgres } from '../world/postgres.js';
import { Play, sitesOf } from './play.js';

const seed = process.env.SEED ?? String(process.pid);
const rounds = Number(process.env.ROUNDS ?? 20);

test('each content is stored by one host, whatever dies or is cut', { timeout: 240_000 }, async (t) => {
  const server = await Postgres.start(t);
  if (!server) return;
  t.diagnostic(`SEED=${seed} ROUNDS=${rounds}`);
  const play = new Play(server, await sitesOf(t, server), seed);
  for (let round = 0; round < rounds; round++) await play.round(round);
  t.diagnostic(JSON.stringify(play.seen));
  for (const [what, times] of Object.entries(play.seen)) assert(times > 0, `${what} never happened`);
});
