/**
 * Deliberate exceptions amid kills: contents are dropped again and again, allowed to come once more and taken out, while
 * every process is killed now and then, the operator's own command too. No permission is lost, none is used twice.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isAllowed } from '../world/database.js';
import { contents } from '../world/dropping.js';
import { type Program, signal } from '../world/program.js';
import { until } from '../world/waiting.js';
import { createWorld, type World } from '../world/world.js';

const SEED = process.env.SEED ?? String(Date.now());
const STEPS = 60;
const KINDS = 6;
const WHY = ['--reason', 'by the test'];

test('killed between permissions, withdrawals and twins in flight, and generations are as they were allowed', async (t) => {
  t.diagnostic(`SEED=${SEED}`);
  const world = createWorld(t, { seed: SEED, options: { stabilitySeconds: 0, quietMs: 0 } });
  const draw = contents(`${SEED} draws`);
  const below = (n: number) => draw(4).readUInt32LE() % n;
  const kinds = Array.from({ length: KINDS }, (_, i) => world.content(1 + below(3_000) + i));
  const start = () => world.start('ingest', ['--workers', 'all=2']);
  let ingest = start();
  // It ends where a process of it dies five times before it is at work. A service manager starts it again.
  const keepUp = (): void => {
    if (!ingest.running) ingest = start();
  };
  let drops = 0;
  const dropSome = (): void => {
    const content = kinds[below(KINDS)]!;
    for (let twins = 1 + below(3); twins > 0; twins--) world.drop(`${drops++}.csv`, content);
  };
  const counts = { kills: 0, allowed: 0, withdrawn: 0 };
  for (const content of kinds) world.drop(`${drops++}.csv`, content);
  await world.stored(KINDS);
  for (let step = 0; step < STEPS; step++) {
    keepUp();
    const { sha256 } = world.dropped[below(KINDS)]!;
    const dice = below(10);
    if (dice < 5) dropSome();
    else if (dice < 7) counts.kills += killSome(ingest, below);
    else if (dice < 9) counts.allowed += await allow(world, sha256, below);
    else counts.withdrawn += await withdraw(world, sha256, below);
  }
  await settled(world, keepUp);
  world.check();

  // Each permission that is left lets one more content in, and no second one.
  for (const times of [1, 2]) {
    for (const content of kinds) world.drop(`last ${times} ${drops++}.csv`, content);
    await settled(world, keepUp);
  }
  await world.stop();
  world.check();
  for (const { sha256 } of world.dropped.slice(0, KINDS)) {
    const generations = world
      .ledger()
      .filter((row) => row.sha256 === sha256)
      .map(({ generation }) => generation);
    const all = Array.from({ length: world.generations.get(sha256) ?? 1 }, (_, i) => i + 1);
    assert.deepEqual(generations.sort(), all, `${sha256}: each generation that was allowed has come, and no other`);
  }
  assert.equal((await world.run('ingest-ctl', ['audit', '--hash'])).code, 0);
  t.diagnostic(JSON.stringify({ ...counts, drops }));
});

function killSome(ingest: Program, below: (n: number) => number): number {
  const victims = ingest.descendants().filter(() => below(2) === 0);
  for (const pid of victims) signal(pid, 'SIGKILL');
  return victims.length;
}

/** The command is repeated where its process was killed: that is no second permission. */
async function allow(world: World, sha256: string, below: (n: number) => number): Promise<number> {
  await maybeKilled(world, ['allow-again', sha256, ...WHY], below);
  // A killed command may have been done, and a file on its way may use the permission up before the command is repeated.
  const allowed = world.generations.get(sha256) ?? 1;
  if (isAllowed(world.statePath, sha256, allowed + 1)) world.generations.set(sha256, allowed + 1);
  const { code, stdout, stderr } = await world.run('ingest-ctl', ['allow-again', sha256, ...WHY]);
  if (code === 2) {
    assert.match(stderr, /is on its way with job/);
    return 0;
  }
  assert.equal(code, 0, stderr);
  const told = Number(/its generation (\d+)/.exec(stdout)![1]);
  world.generations.set(sha256, Math.max(told, world.generations.get(sha256) ?? 1));
  return 1;
}

async function withdraw(world: World, sha256: string, below: (n: number) => number): Promise<number> {
  world.withdrawn.add(sha256);
  await maybeKilled(world, ['withdraw', sha256, ...WHY], below);
  const { code, stderr } = await world.run('ingest-ctl', ['withdraw', sha256, ...WHY]);
  if (code === 0) return 1;
  assert.match(stderr, /is withdrawn already|is on its way with job/);
  return 0;
}

async function maybeKilled(world: World, words: string[], below: (n: number) => number): Promise<void> {
  if (below(2) === 0) return;
  const program = world.launch('ingest-ctl', [...words, '--state-path', world.statePath]);
  setTimeout(() => program.kill('SIGKILL'), below(400));
  await program.ended;
}

/** A withdrawal is a job too: each dropped file has had its own job, and nothing is under way. */
async function settled(world: World, keepUp: () => void): Promise<void> {
  const jobs = () => world.jobs();
  const dropped = () => world.dropped.length;
  const isWithdrawal = (of: ReturnType<typeof jobs>[number]) => of.payload.putAway?.kind === 'withdrawn';
  await until('each drop has its job, and nothing is under way', () => {
    keepUp();
    return (
      jobs().filter((of) => !isWithdrawal(of)).length === dropped() && jobs().every(({ state }) => state === 'done')
    );
  });
}
