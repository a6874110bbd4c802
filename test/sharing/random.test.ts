/**
 * Three hosts with one PostgreSQL, real processes: files of which a third are the same at the same moment, while processes are killed
 * and stopped, connections cut, PostgreSQL restarted and restored, hosts rolled back and forgotten, and operators' verbs come in between.
 *
 * By hand: `SEED=1 SEEDS=20 FILES=30000 ROUNDS=60 STOP_SECONDS=120 node --test dist/test/sharing/random.test.js`
 */
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fractions } from '../world/chance.js';
import { Fleet } from '../world/fleet.js';
import { FILES, Play, STOP_MS } from './play.js';

const SEED = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const SEEDS = Number(process.env.SEEDS ?? 1);
const ROUNDS = Number(process.env.ROUNDS ?? 12);
const NAMES = ['a', 'b', 'c'];

async function playOne(t: TestContext, seed: number): Promise<void> {
  const fleet = await Fleet.create(t, NAMES, { options: { stabilitySeconds: 0.1, quietMs: 0 } });
  if (!fleet) return;
  await fleet.join();
  const play = new Play(fleet, fractions(seed));
  for (const host of fleet.hosts) play.start(host);
  try {
    const rolledBack = Math.floor(ROUNDS * 0.6);
    for (let round = 0; round < ROUNDS; round++) {
      play.drop(Math.ceil(FILES / ROUNDS));
      if (round === rolledBack && play.random() < 0.7)
        await play.rollBack(play.pick(fleet.hosts), async () => {
          play.drop(Math.ceil(FILES / ROUNDS));
          await sleep(play.random() * 3_000);
        });
      else await play.act();
      if (play.random() < 0.2) await play.withdrawOne(play.pick(fleet.hosts));
      await sleep(play.random() * 1_000);
    }
    await play.settle();
    await fleet.stop();
    await play.check();
  } catch (error) {
    const said = fleet.hosts.flatMap(({ name, world }) =>
      ['shared_ledger_away', 'shared_ledger_back', 'shared_ledger_older', 'fatal']
        .flatMap((event) => world.log.named(event))
        .map(({ time, event, code, reason }) => `${name} ${time} ${event} ${code} ${reason}`),
    );
    throw new Error(`SEED=${seed} FILES=${FILES} ROUNDS=${ROUNDS}: ${play.acts.join(', ')}\n${said.join('\n')}`, {
      cause: error,
    });
  }
}

for (let n = 0; n < SEEDS; n++)
  test(`three hosts store each content once (SEED=${SEED + n})`, { timeout: 900_000 + FILES * 60 + STOP_MS }, (t) =>
    playOne(t, SEED + n),
  );
