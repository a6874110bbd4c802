/** `ingest-ctl rebuild` that was killed on its way: what was there stays, and the next run makes all of it. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { appendFileSync, copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { copyDatabase, editDatabase } from '../../world/database.js';
import { backedUp, rebuild, rebuilt, restore, stateFiles } from '../../world/lost.js';
import { until } from '../../world/waiting.js';
import { createWorld, type World } from '../../world/world.js';

const LINES = 40_000;

/** Lines as consumers leave them: their files are taken. */
function appendLines(world: World): void {
  const { raw, file, record } = world.manifest()[0]!;
  let text = '';
  for (let n = 0; n < LINES; n++) {
    const sha256 = createHash('sha256').update(`${n}`).digest('hex');
    text += `${raw.replace(record!.sha256, sha256).replace(record!.ingest_id, String(n).padStart(26, '0'))}\n`;
  }
  appendFileSync(
    join(world.feed().manifests, file),
    text.replaceAll(record!.warehouse_path, `${record!.warehouse_path}.taken`),
  );
}

/** Everything of the ledger that does not depend on the moment. */
function ledgerOf(world: World): string {
  const copy = join(world.root, `look-${process.hrtime.bigint()}.db`);
  copyDatabase(world.statePath, copy);
  let text = '';
  editDatabase(copy, (db) => {
    const rows = db
      .prepare('SELECT hex(sha256) AS h, state, carrier, size, target, hour, ingest_id FROM contents ORDER BY h')
      .raw();
    text = JSON.stringify([
      rows.all(),
      // The process that was killed is counted, and only where one was.
      db.prepare("SELECT * FROM counters WHERE stage <> 'owners'").raw().all(),
      db.prepare('SELECT * FROM manifest_ends').raw().all(),
    ]);
    const left = db.prepare("SELECT name FROM sqlite_schema WHERE name GLOB 'rebuild_*'").all();
    assert.deepEqual(left, []);
  });
  return createHash('sha256').update(text).digest('hex');
}

test('killed midway it leaves the older state, and the next one ends as one that was not killed', async (t) => {
  const world = createWorld(t, { options: { stabilitySeconds: 0, quietMs: 0 } });
  world.drop('first.csv', 100);
  await world.runOnce();
  const older = backedUp(world);
  appendLines(world);
  restore(world, older);
  await rebuilt(world);
  const whole = ledgerOf(world);

  restore(world, older);
  const bytes = readFileSync(world.statePath);
  await killMidway(world);
  assert(readFileSync(world.statePath).equals(bytes), 'the older one is as it was');

  const { stdout } = await rebuilt(world);
  assert.match(stdout, new RegExp(`${LINES + 1} records in 1 manifest`), 'none is counted twice, none left out');
  assert.equal(ledgerOf(world), whole);
  assert(!stateFiles(world).some((name) => name.includes('.rebuilding')), 'nothing of it is left over');
});

async function killMidway(world: World): Promise<void> {
  const killed = rebuild(world);
  const log = `${world.statePath}.rebuilding-wal`;
  await until('some thousands of lines', () => existsSync(log) && enteredIn(world) > 3_000, {
    everyMs: 5,
  });
  await world.killAll();
  assert.equal((await killed).signal, 'SIGKILL');
}

function enteredIn(world: World): number {
  let entered = 0;
  try {
    editDatabase(`${world.statePath}.rebuilding`, (db) => {
      entered = db.prepare('SELECT count(*) FROM contents').pluck().get() as number;
    });
  } catch (error) {
    if (!/SQLITE_/.test(String((error as { code?: string }).code))) throw error; // being made just now
  }
  return entered;
}

test('killed between its two renames, the next one takes over the state that was whole', async (t) => {
  const world = createWorld(t, { options: { stabilitySeconds: 0, quietMs: 0 } });
  world.drop('first.csv', 100);
  await world.runOnce();
  const loaded = join(world.root, 'loaded');
  mkdirSync(loaded);
  writeFileSync(join(loaded, 'before.csv'), 'id\n1\n');
  assert.equal((await world.run('ingest-ctl', ['learn', loaded])).code, 0);
  await rebuilt(world);
  // Only the state knows what was learned. The older one is aside, and nothing is at the path.
  renameSync(world.statePath, `${world.statePath}.rebuilt`);
  const { stdout } = await rebuilt(world);
  assert.match(stdout, /was killed when its state was whole: that state is taken over/);
  assert.deepEqual(statesIn(world), ['learned', 'stored']);

  // Killed before the older one was moved aside: that one has gone on since.
  copyFileSync(world.statePath, `${world.statePath}.rebuilt`);
  world.drop('second.csv', 200);
  await world.runOnce();
  await rebuilt(world);
  assert.deepEqual(statesIn(world), ['learned', 'stored', 'stored']);
  assert(!stateFiles(world).some((name) => name.endsWith('.rebuilt')), 'nothing of it is left over');
});

const statesIn = (world: World): string[] =>
  world
    .ledger()
    .map(({ state }) => state)
    .sort();
