/** Names in the warehouse are free, readable, and found quickly even when thousands of files want the same one. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Backend } from '../../../queue/backend.js';
import { makeMarker } from '../../../src/files/marker.js';
import { FeedFiles } from '../../../src/ingest/files/feed-files.js';
import { enterWarehouse, forgetNames, giveNames } from '../../../src/ingest/ledger/names.js';
import { openState } from '../../../src/ingest/ledger/open-state.js';
import { freeTargets } from '../../../src/ingest/warehouse/free-names.js';
import { type ByteName, bytesOfName, nameOfText, O, openAt } from '../../../src/linux/index.js';

const DAY = 'ingest_date=2030-01-02';

interface Stage {
  backend: Backend;
  files: FeedFiles;
  warehouse: string;
  /** Chooses names and gives them, like one round of one process. */
  choose(names: readonly ByteName[]): Promise<ByteName[]>;
  /** Chooses without giving. */
  look(name: ByteName, chosen?: Set<ByteName>): ByteName;
  place(name: string | Buffer): void;
}

async function stage(t: TestContext): Promise<Stage> {
  const folder = mkdtempSync(join(tmpdir(), 'ingest-names-'));
  const warehouse = join(folder, 'warehouse');
  mkdirSync(join(warehouse, DAY), { recursive: true });
  const fd = openAt(-100, nameOfText(warehouse), O.RDONLY | O.DIRECTORY, { resolve: 'any' });
  const marker = makeMarker(fd, { kind: 'warehouse' });
  const backend = await openState({ statePath: join(folder, 'state.db'), title: 'test', maxAttempts: 8 });
  const files = new FeedFiles({ input: '', work: '', manifests: '', warehouse, markers: { warehouse: marker.id } });
  t.after(async () => {
    files.close();
    await backend.close();
    rmSync(folder, { recursive: true, force: true });
  });
  await backend.transact((tx) => enterWarehouse(tx, marker.id, warehouse));
  let content = 0;
  const look = (name: ByteName, chosen = new Set<ByteName>()) =>
    backend.read(
      (reader) =>
        freeTargets(
          reader,
          1,
          { wanted: `${DAY}/${name}` as ByteName, partition: nameOfText(DAY), isOriginal: false, outputs: [] },
          { files, chosen, missing: new Set() },
        ).target,
    );
  return {
    backend,
    files,
    warehouse,
    look,
    choose: (names) => {
      const chosen = new Set<ByteName>();
      const targets = names.map((name) => look(name, chosen));
      return backend.transact((tx) => targets.filter((target) => giveNames(tx, 1, ++content, [target])));
    },
    place: (name) => writeFileSync(Buffer.concat([Buffer.from(`${warehouse}/${DAY}/`), Buffer.from(name)]), ''),
  };
}

const named = (name: string) => nameOfText(name);
const inDay = (...names: string[]) => names.map((name) => `${DAY}/${nameOfText(name)}`);

test('a name that is free is taken as it is; the next ones get a readable number', async (t) => {
  const { choose, place } = await stage(t);
  const x = named('x.csv');
  assert.deepEqual(await choose([x, x, x]), inDay('x.csv', 'x~2.csv', 'x~3.csv'));
  place('x~4.csv');
  assert.deepEqual(await choose([x]), inDay('x~5.csv'));
  assert.deepEqual(
    await choose([named('.hidden'), named('noext'), named('a.tar.gz')]),
    inDay('.hidden', 'noext', 'a.tar.gz'),
  );
  assert.deepEqual(await choose([named('noext'), named('a.tar.gz')]), inDay('noext~2', 'a.tar~2.gz'));
});

test('a name that was given and is not on disk is passed over at once, in whatever process it was chosen', async (t) => {
  const { choose, look } = await stage(t);
  const [first] = await choose([named('x.csv')]);
  assert.equal(first, `${DAY}/x.csv`);
  assert.equal(look(named('x.csv')), `${DAY}/x~2.csv`);
});

test('if two choose the same name before either gets it, one must choose again', async (t) => {
  const { backend, look } = await stage(t);
  const target = look(named('x.csv'));
  assert.equal(look(named('x.csv')), target);
  const took = await backend.transact((tx) => [1, 2].map((content) => giveNames(tx, 1, content, [target])));
  assert.deepEqual(took, [true, false]);
});

test('a folder in whose place a file has its name is numbered, wherever the file is known from', async (t) => {
  const { choose, look, place } = await stage(t);
  place('eu');
  assert.equal(look(named('eu/orders.csv')), `${DAY}/eu~2/orders.csv`);
  await choose([named('us')]);
  assert.equal(look(named('us/a/orders.csv')), `${DAY}/us~2/a/orders.csv`);
  assert.deepEqual(await choose([named('x'), named('x/y'), named('x/y/z')]), inDay('x', 'x~2/y', 'x~2/y~2/z'));
});

test('a file in whose place there is a folder, or will be one, is numbered', async (t) => {
  const { choose, look, warehouse } = await stage(t);
  mkdirSync(join(warehouse, DAY, 'eu'));
  assert.equal(look(named('eu')), `${DAY}/eu~2`);
  await choose([named('us/a/orders.csv')]);
  assert.equal(look(named('us')), `${DAY}/us~2`);
  assert.equal(look(named('us/a')), `${DAY}/us/a~2`);
  assert.equal(look(named('us0')), `${DAY}/us0`);
  assert.deepEqual(await choose([named('x/y/z'), named('x/y'), named('x')]), inDay('x/y/z', 'x/y~2', 'x~2'));
});

test('if one chooses a name and another a name below it before either gets it, one must choose again', async (t) => {
  const { backend, look } = await stage(t);
  const both = [look(named('eu')), look(named('eu/a/orders.csv'))];
  for (const [i, targets] of [both, both.toReversed()].entries()) {
    const took = await backend.transact((tx) => {
      const taken = targets.map((target, n) => giveNames(tx, 1, 10 * i + n, [target]));
      forgetNames(tx, [10 * i, 10 * i + 1]);
      return taken;
    });
    assert.deepEqual(took, [true, false]);
  }
});

test('a file in place of the partition is a fault of the warehouse: no name is numbered for it', async (t) => {
  const { look, warehouse } = await stage(t);
  rmSync(join(warehouse, DAY), { recursive: true });
  writeFileSync(join(warehouse, DAY), '');
  assert.throws(() => look(named('x.csv')), { code: 'ENOTDIR' });
});

test('five thousand files of one name get five thousand names, without looking at each taken one again', async (t) => {
  const { choose, files } = await stage(t);
  let looks = 0;
  const directories = files.warehouse;
  const entry = directories.entry.bind(directories);
  directories.entry = (path) => {
    looks++;
    return entry(path);
  };
  const targets: ByteName[] = [];
  for (let batch = 0; batch < 50; batch++)
    targets.push(...(await choose(Array<ByteName>(100).fill(named('daily.csv')))));
  assert.equal(new Set(targets).size, 5_000);
  assert.ok(targets.includes(`${DAY}/daily~5000.csv` as ByteName));
  assert.ok(looks < 20_000, `${looks} looks for 5,000 names`);
});

test('names of 255 bytes stay within 255, whole in their characters, and different', async (t) => {
  const { choose } = await stage(t);
  const ascii = named(`${'a'.repeat(251)}.csv`);
  const emoji = named(`${'😀'.repeat(62)}abc.csv`);
  const noSuffix = named('b'.repeat(255));
  const longSuffix = named(`c.${'d'.repeat(253)}`);
  const all = [ascii, emoji, noSuffix, longSuffix];
  const targets = await choose([...all, ...all, ...all]);
  assert.equal(new Set(targets).size, 12);
  for (const target of targets) {
    const bytes = bytesOfName(target.slice(DAY.length + 1) as ByteName);
    assert.ok(bytes.length <= 255, `${bytes.length} bytes`);
    assert.deepEqual(Buffer.from(bytes.toString('utf8')), bytes, 'cut within a character');
  }
  assert.equal(targets[4], `${DAY}/${'a'.repeat(249)}~2.csv`);
});

test('two long names that become equal by cutting do not meet', async (t) => {
  const { choose, place } = await stage(t);
  const one = named(`${'a'.repeat(250)}1.csv`);
  const two = named(`${'a'.repeat(250)}2.csv`);
  for (const name of [one, two]) place(bytesOfName(name));
  const targets = await choose([one, two]);
  assert.equal(new Set(targets).size, 2);
});

test('names that look numbered already, also beyond any number, are only names', async (t) => {
  const { choose } = await stage(t);
  const huge = named(`x~${'9'.repeat(200)}.csv`);
  const numbered = named('y~7.csv');
  await choose([huge, numbered]);
  assert.deepEqual(await choose([huge, numbered]), inDay(`x~${'9'.repeat(200)}~2.csv`, 'y~7~2.csv'));
});

test('a directory, a dangling symlink or a FIFO on a name takes it too', async (t) => {
  const { choose, warehouse } = await stage(t);
  mkdirSync(join(warehouse, DAY, 'd.csv'));
  const { symlinkSync } = await import('node:fs');
  symlinkSync('nowhere', join(warehouse, DAY, 's.csv'));
  assert.deepEqual(await choose([named('d.csv'), named('s.csv')]), inDay('d~2.csv', 's~2.csv'));
});

test('of several names of a content all are given, or none', async (t) => {
  const { backend, look } = await stage(t);
  const [a, b, c] = inDay('a.csv', 'b.csv', 'c.csv') as [ByteName, ByteName, ByteName];
  const took = await backend.transact((tx) => [giveNames(tx, 1, 1, [a, b]), giveNames(tx, 1, 2, [c, b])]);
  assert.deepEqual(took, [true, false]);
  assert.equal(look(named('c.csv')), c, 'it is free');
  await assert.rejects(
    backend.transact((tx) => tx.run('INSERT INTO names VALUES (1, ?, 3, 0)', bytesOfName(a))),
    /UNIQUE constraint failed: names/,
  );
});
