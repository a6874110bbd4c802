/**
 * `ingest-ctl prune --keep-history` forgets ended jobs and contents, but no hash. Duplicates are still recognised; audit, explain and
 * rebuild still work, through kills and beside a working ingest.
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Pieces } from '../../../src/ingest/upkeep/pieces.js';
import { pruneHistory } from '../../../src/ingest/upkeep/prune-history.js';
import { Search } from '../../../src/service/dashboard/search/search.js';
import { editDatabase } from '../../world/database.js';
import { withState } from '../../world/hand.js';
import { duplicatesTold } from '../../world/jobs.js';
import { workDirOf } from '../../world/layout.js';
import { backedUp, dropAgain, loseState, rebuilt, restore } from '../../world/lost.js';
import { editLine, storedIn } from '../../world/planting.js';
import { alter, rowsOf } from '../../world/state-by-hand.js';
import { until } from '../../world/waiting.js';
import { createWorld, type World } from '../../world/world.js';

const SEED = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const AT_ONCE = { stabilitySeconds: 0, quietMs: 0 };
const FILES = 40;
const ALL = ['--keep-history', '0d'];

async function prune(world: World, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await world.run('ingest-ctl', ['prune', ...args]);
  assert.equal(code, 0, stdout + stderr);
  return stdout;
}

async function pruned(t: Parameters<typeof createWorld>[0]): Promise<World> {
  const world = createWorld(t, { options: AT_ONCE, seed: String(SEED) });
  for (let n = 0; n < FILES; n++) world.drop(`${n}.csv`, 50 + n);
  await world.runOnce();
  await prune(world, ...ALL);
  assert.deepEqual([world.jobs().length, world.ledger().length, world.database()!.pruned.length], [0, 0, FILES]);
  return world;
}

async function found(world: World): Promise<string[]> {
  const { stdout } = await world.run('ingest-ctl', ['audit', '--json']);
  const lines = stdout.trim().split('\n').slice(0, -1);
  return lines.map((line) => (JSON.parse(line) as { kind: string }).kind).sort();
}

test('a content is known for ever: the same bytes are a duplicate, logged with the manifest that has its line', async (t) => {
  const world = await pruned(t);
  world.check();
  dropAgain(world);
  await world.runOnce(['--on-duplicate', 'delete']);
  world.check();
  const skipped = world.log.named('file_skipped_duplicate');
  assert.equal(skipped.length, FILES);
  for (const { duplicate_of, sha256, note, kept } of skipped) {
    assert.deepEqual([note, kept], ['record_pruned', true], 'nobody has seen the stored file, so it is not deleted');
    assert.ok(readFileSync(String(duplicate_of), 'utf8').includes(String(sha256)), `${duplicate_of}`);
  }
  const { stdout } = await world.run('ingest-ctl', ['explain', join(world.input, 'again-1.csv')]);
  assert.match(stdout, /Its content was there before, with its line in .*manifest\.jsonl/);
  const before = await world.run('ingest-ctl', ['explain', join(world.input, '1.csv')]);
  assert.match(before.stdout, /was pruned from the state \(--keep-history\)/);
  const search = new Search(world.statePath);
  t.after(() => search.close());
  const sought = await search.for(world.dropped[2]!.sha256);
  assert.match(
    JSON.stringify(sought),
    /It was stored, and its record was pruned since; its line is in .*manifest\.jsonl/,
  );
  alter(world, 'DELETE FROM jobs');
  const duplicates = join(workDirOf(world.feed()), 'duplicates');
  const nobodys = await world.run('ingest-ctl', ['explain', join(duplicates, readdirSync(duplicates)[0]!)]);
  assert.match(nobodys.stdout, /it is a duplicate\.\n[\s\S]*was pruned from the state/);
  assert.deepEqual(await found(world), [], 'an audit knows what is pruned by its line');
  const [missing, unlined, doubled] = storedIn(world);
  rmSync(missing!.record.warehouse_path);
  editLine(unlined!, () => '');
  editLine(doubled!, (line) => line + line);
  assert.deepEqual(await found(world), ['file_missing', 'file_unknown', 'line_missing', 'line_twice']);
});

test('a pruned name stays given until its day has ended, and is freed by a later run', async (t) => {
  const world = await pruned(t);
  const kept = (): number => rowsOf(world, 'SELECT 1 FROM names WHERE content IS NULL').length;
  await prune(world, ...ALL);
  assert.equal(kept(), FILES);
  alter(
    world,
    `UPDATE names SET target = CAST('ingest_date=2020-01-01/' || CAST(target AS TEXT) AS BLOB) WHERE CAST(target AS TEXT) LIKE '%1.csv'`,
  );
  await prune(world, ...ALL, '--dry-run');
  assert.equal(kept(), FILES);
  await prune(world, ...ALL);
  assert.equal(kept(), FILES - 4);
});

test('rebuild takes over pruned contents, and makes the records again where the state is lost', async (t) => {
  const world = await pruned(t);
  const copy = backedUp(world);
  world.drop('newer.csv', 10);
  await world.runOnce();
  restore(world, copy);
  await rebuilt(world);
  assert.deepEqual([world.database()!.pruned.length, world.ledger().length], [FILES, 1]);
  loseState(world);
  await rebuilt(world);
  assert.deepEqual([world.database()!.pruned.length, world.ledger().length], [0, FILES + 1]);
  dropAgain(world);
  await world.runOnce();
  world.check();
  duplicatesTold(world, FILES + 1);
});

test('what waits, is held or was learned stays; --dry-run changes nothing', async (t) => {
  const world = createWorld(t, { options: { ...AT_ONCE, maxBytes: 500 } });
  for (let n = 0; n < 5; n++) world.drop(`${n}.csv`, 50 + n);
  world.held.add(world.drop('large.csv', 501).sha256);
  await world.runOnce([], { code: 4 });
  alter(
    world,
    `UPDATE contents SET state = 'learned', carrier = NULL, target = NULL, hour = NULL, ingest_id = NULL, ingested_at_ms = NULL
      WHERE CAST(target AS TEXT) LIKE '%/4.csv'`,
  );
  const before = rowsOf(world, 'SELECT * FROM jobs');
  assert.match(await prune(world, '--dry-run', ...ALL), /5 jobs and the records of 4 contents would be forgotten/);
  assert.deepEqual(rowsOf(world, 'SELECT * FROM jobs'), before);
  assert.match(await prune(world, '--keep-history', '1h'), /0 jobs and the records of 0 contents forgotten/);
  assert.match(await prune(world, ...ALL), /5 jobs and the records of 4 contents forgotten/);
  assert.deepEqual(
    world.jobs().map(({ hold_code }) => hold_code),
    ['too_large'],
  );
  assert.deepEqual(world.ledger().length, 1);
  const { code, stderr } = await world.run('ingest-ctl', ['prune']);
  assert.equal(code, 2);
  assert.match(stderr, /needs to know what is old/);
});

test(`killed at any point, every hash is known, and the next one goes on; SEED=${SEED}`, async (t) => {
  const world = createWorld(t, { options: AT_ONCE });
  world.drop('a.csv', 10);
  await world.runOnce();
  const rows = 30_000;
  editDatabase(world.statePath, (db) => {
    db.exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${rows})
      INSERT INTO contents SELECT NULL, feed, randomblob(32), generation, state, carrier, size, device, inode, mtime_ns, source_path,
        seal, target, hour, ingest_id, ingested_at_ms, created_at_ms, updated_at_ms, told, asked
      FROM contents JOIN n`);
  });
  const hashes = 'SELECT count(DISTINCT sha256) AS n FROM contents';
  /** The state that a kill at this moment would leave. */
  const left = (): number => {
    const looked = rowsOf(world, "SELECT count(*) AS n, sum(state = 'stored') AS stored FROM contents");
    const [{ n, stored }] = looked as [{ n: number; stored: number }];
    assert.equal(n, rows + 1);
    return stored;
  };
  for (let kill = 1; kill <= 2; kill++) {
    const before = left();
    const program = world.launch('ingest-ctl', ['prune', ...ALL, '--state-path', world.statePath]);
    const some = 1 + ((SEED >> kill) % 2_000);
    await until('it to be in the middle', () => !program.running || left() <= before - some, { everyMs: 1 });
    assert.ok(program.running, 'it was killed at work');
    program.kill('SIGKILL');
    await program.ended;
    assert.deepEqual(rowsOf(world, hashes), [{ n: rows + 1 }]);
    assert.ok(left() > 0);
  }
  await prune(world, ...ALL);
  assert.deepEqual([left(), rowsOf(world, hashes)], [0, [{ n: rows + 1 }]]);
});

test('beside a working ingest the oracle finds no difference', async (t) => {
  const world = createWorld(t, { options: { ...AT_ONCE, workers: 'all=2' } });
  await world.followManifests();
  world.start('ingest');
  await until('the state', () => world.database() !== undefined);
  let forgotten = 0;
  const pruneNow = () =>
    withState(world.statePath, async (backend) => {
      const of = { view: backend, backend, beforeMs: Date.now(), pieces: new Pieces(0), isOver: () => false };
      forgotten += (await pruneHistory(of)).jobs;
    });
  for (let round = 0; round < 5; round++) {
    const before = [...world.dropped];
    for (let n = 0; n < 100; n++) world.drop(`${round}-${n}.csv`, 60 + n);
    for (const { name, sha256 } of before.slice(-40)) again(world, `${round}-again-${name}`, sha256);
    await until('some to have ended', async () => {
      const some = forgotten;
      await pruneNow();
      return forgotten > some;
    });
  }
  const isOver = () => world.survey().input.length === 0 && world.jobs().every(({ state }) => state === 'done');
  await until('all to be done', isOver);
  await world.stop();
  await pruneNow();
  assert.deepEqual([world.jobs(), world.ledger()], [[], []]);
  t.diagnostic(`${forgotten} jobs of ${world.dropped.length} files`);
  world.check();
});

function again(world: World, name: string, sha256: string): void {
  const path = world.manifest().find(({ record }) => record?.sha256 === sha256)?.record?.warehouse_path;
  // The line comes before the file.
  if (path !== undefined && existsSync(path)) world.drop(name, readFileSync(path));
}
