/**
 * `_SUCCESS` as a reader sees it: only where every line has its file, once, while processes are killed, a move is held, hours
 * pass, and the clock is set back.
 */
import assert from 'node:assert/strict';
import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Control, compilePreload } from '../crash/control.js';
import { isWriteLocked } from '../world/database.js';
import { contents } from '../world/dropping.js';
import { heldMove } from '../world/held-move.js';
import { MarkerReader } from '../world/marker-reader.js';
import { type Program, signal } from '../world/program.js';
import { rowsOf } from '../world/state-by-hand.js';
import { stays, until } from '../world/waiting.js';
import { createWorld, type World } from '../world/world.js';

const SEED = process.env.SEED ?? String(Date.now());
const HOUR_MS = 3_600_000;
const ROUNDS = 3;
const FILES = 40;
const DAY = '2031-05-06';
const hourAt = (hour: number) => `2031/05/06/${hour}`;

/** A clock that the test moves, for all processes of a world. */
function clockFor(world: World): { env: NodeJS.ProcessEnv; set: (atMs: number) => void; end: () => void } | undefined {
  const library = compilePreload(world.root);
  if (library === undefined) return undefined;
  const control = new Control(join(world.root, 'control'));
  const env = { LD_PRELOAD: library, CRASH_CONTROL: control.path };
  return { env, set: (atMs) => control.set('wall_ns', (atMs - Date.now()) * 1e6), end: () => control.close() };
}

/** Two workers. A kill takes one of them with all processes that it has started, at a random moment of its work. */
class Workers {
  kills = 0;
  readonly #running: Program[] = [];

  constructor(
    readonly world: World,
    readonly env: NodeJS.ProcessEnv,
    readonly below: (n: number) => number,
  ) {
    for (let n = 0; n < 2; n++) this.#start();
  }

  async killOne(): Promise<void> {
    const killed = this.#running.shift()!;
    await this.world.event('worker_started', ({ heardFrom }) => heardFrom === killed.pid);
    await stays('it is at work', () => killed.running, this.below(150));
    killed.killAll();
    await killed.ended;
    this.kills++;
    this.#start();
  }

  /** Stops one of them at a random moment. Returns the function that lets it go on. */
  async stopOne(): Promise<() => void> {
    const [stopped] = this.#running;
    await this.world.event('worker_started', ({ heardFrom }) => heardFrom === stopped!.pid);
    const children = stopped!.descendants();
    const signalAll = (name: NodeJS.Signals) => {
      for (const pid of children) signal(pid, name);
    };
    // Not inside of a transaction, where nobody could write until its parent kills it.
    const isStopped = () => {
      signalAll('SIGSTOP');
      if (!isWriteLocked(this.world.statePath)) return true;
      signalAll('SIGCONT');
      return false;
    };
    await until('one to be stopped outside of a transaction', isStopped);
    return () => signalAll('SIGCONT');
  }

  #start(): void {
    this.#running.push(this.world.start('ingest-worker', [], { env: this.env }));
  }
}

test('a reader finds _SUCCESS only where every line has its file, and once: kills, a held move, hours that pass', async (t) => {
  t.diagnostic(`SEED=${SEED}`);
  const world = createWorld(t, { options: { successMarkers: true, stabilitySeconds: 0, quietMs: 0 } });
  const clock = clockFor(world);
  if (!clock)
    return t.skip('no gcc, so the clock cannot be moved: that an hour which ends gets its marker was not tested');
  t.after(() => clock.end());
  const draw = contents(SEED);
  const reader = new MarkerReader(world.feed());
  t.after(() => reader.stop());
  const firstMs = Date.parse(`${DAY}T21:50:00Z`);
  clock.set(firstMs);
  world.start('ingest-producer', [], { env: clock.env });
  await world.event('worker_started');
  const workers = new Workers(world, clock.env, (n) => draw(4).readUInt32LE() % n);
  const target = await heldMove(world);
  for (let round = 0; round < ROUNDS; round++) {
    clock.set(firstMs + round * HOUR_MS);
    for (let n = 0; n < FILES; n++) {
      world.drop(`${round}-${n}.csv`, 200);
      if (n === FILES / 2) await workers.killOne();
    }
    // The first of this hour are there; others come over its end.
    const isBegun = () => world.manifest().some(({ file }) => file.startsWith(hourAt(21 + round)));
    await until('a line of this hour', isBegun);
  }
  const isSeen = (...folders: string[]) => folders.every((folder) => reader.seen.includes(folder));
  // The day is over; the hour of the held file waits for it, and the day for that hour. One worker sleeps over the end.
  for (let n = 0; n < FILES; n++) world.drop(`last-${n}.csv`, 200, { how: 'rename' });
  const goOn = await workers.stopOne();
  clock.set(firstMs + ROUNDS * HOUR_MS);
  const last = `SELECT 1 FROM periods WHERE folder LIKE '%${hourAt(23)}' AND state <> 'open'`;
  await until('the hour is closed', () => rowsOf(world, last).length > 0);
  goOn();
  for (let n = 0; n < 3; n++) await workers.killOne();
  await until('the hours after it are marked', () => isSeen(hourAt(22), hourAt(23)));
  const waits = await told(world, 'period_waits', clock.env);
  assert.match(waits, /\/2031\/05\/06\/21 is over .*held\.csv \(job .*\), which is held \(target_taken\)/);
  const explained = await world.run('ingest-ctl', ['explain', 'held.csv']);
  assert.match(explained.stdout, /\/2031\/05\/06\/21 is over, and its _SUCCESS waits for this file/);
  assert.ok(!isSeen(hourAt(21)) && !isSeen(`ingest_date=${DAY}`), reader.seen.join(', '));

  renameSync(target, join(world.root, 'of the stranger'));
  await world.run('ingest-ctl', ['retry', '--all']);
  await workers.killOne();
  await until('hour and day are marked', () => isSeen(hourAt(21), `ingest_date=${DAY}`));
  // Three hours back, into hours that are marked.
  clock.set(firstMs);
  world.drop('late.csv', 100, { how: 'rename' });
  await world.allDroppedDone();
  const late = world.manifest().find(({ record }) => record?.path.endsWith('/late.csv'))!;
  assert.equal(late.record!.ingested_at, '2031-05-07T00:00:00.000Z');
  assert.match(await told(world, 'clock_set_back', clock.env), /2031\/05\/06\/21 .* go into 2031\/05\/07\/00/);
  await world.stop();
  assert.deepEqual(reader.end(), []);
  world.check();
  assert.deepEqual(world.log.named('bug'), []);
  t.diagnostic(
    `${workers.kills} kills, ${reader.looks} looks, ${world.manifest().length} lines in ${reader.seen.length} periods`,
  );
});

/** The sentence of the one finding of that code. */
async function told(world: World, code: string, env: NodeJS.ProcessEnv): Promise<string> {
  const { stdout } = await world.run('queue-stat', ['--json'], { env });
  const { findings } = JSON.parse(stdout) as { findings: { code: string; sentence: string }[] };
  const sentences = findings.filter((finding) => finding.code === code).map(({ sentence }) => sentence);
  assert.equal(sentences.length, 1, stdout);
  return sentences[0]!;
}
