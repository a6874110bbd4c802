/** Names in the warehouse are free, readable, and found quickly even when thousands of files want the same one. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Backend } from '../../../queue/backend.js';
import { makeMarker } from '../../../src/files/marker.js';
import { FeedFiles } from '../../../src/ingest/files/feed-files.js';
import { insertContent } from '../../../src/ingest/ledger/content.js';
import { openState } from '../../../src/ingest/ledger/open-state.js';
import { recordStored } from '../../../src/ingest/ledger/stored.js';
import { forgetReservations, freeTargets, RESERVED_FOR_MS, reserve } from '../../../src/ingest/warehouse/reserve.js';
import { type ByteName, bytesOfName, nameOfText, O, openAt } from '../../../src/linux/index.js';

const DAY = 'ingest_date=2030-01-02';

interface Stage {
  backend: Backend;
  files: FeedFiles;
  warehouse: string;
  /** Chooses and reserves, like one round of one process. */
  choose(names: readonly ByteName[]): Promise<ByteName[]>;
  /** Chooses without reserving. */
  look(name: ByteName, chosen?: Set<ByteName>): ByteName;
  place(name: string | Buffer): void;
}

async function stage(t: TestContext): Promise<Stage> {
  const folder = mkdtempSync(join(tmpdir(), 'ingest-reserve-'));
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
  let content = 0;
  const look = (name: ByteName, chosen = new Set<ByteName>()) =>
    backend.read(
      (reader) => freeTargets(reader, files, { wanted: `${DAY}/${name}` as ByteName, suffixes: [] }, chosen).target,
    );
  return {
    backend,
    files,
    warehouse,
    look,
    choose: (names) => {
      const chosen = new Set<ByteName>();
      const targets = names.map((name) => look(name, chosen));
      return backend.transact((tx) => targets.filter((target) => reserve(tx, warehouse, target, ++content)));
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

test('a name that is reserved and not yet on disk is passed over at once, in whatever process it was chosen', async (t) => {
  const { choose, look } = await stage(t);
  const [first] = await choose([named('x.csv')]);
  assert.equal(first, `${DAY}/x.csv`);
  assert.equal(look(named('x.csv')), `${DAY}/x~2.csv`);
});

test('if two choose the same name before either reserves it, one must choose again', async (t) => {
  const { backend, look, warehouse } = await stage(t);
  const target = look(named('x.csv'));
  assert.equal(look(named('x.csv')), target);
  const took = await backend.transact((tx) => [1, 2].map((content) => reserve(tx, warehouse, target, content)));
  assert.deepEqual(took, [true, false]);
});

test('five thousand files of one name get five thousand names, without looking at each taken one again', async (t) => {
  const { choose, files } = await stage(t);
  let looks = 0;
  const entryOrNone = files.entryOrNone.bind(files);
  files.entryOrNone = (...args) => {
    looks++;
    return entryOrNone(...args);
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

test('a reservation is forgotten once its content has been stored for a while, and no earlier; also one of a process before', async (t) => {
  const { backend, warehouse } = await stage(t);
  const DAY_MS = 86_400_000;
  const plan = (
    name: string,
    {
      isStored = true,
      madeForMs = 0,
      storedForMs,
    }: { isStored?: boolean; madeForMs?: number; storedForMs?: number } = {},
  ) =>
    backend.transact((tx) => {
      const row = insertContent(tx, contentOf(name));
      reserve(tx, warehouse, nameOfText(name), row);
      if (isStored) recordStored(tx, [row], null);
      const sql =
        'UPDATE contents SET created_at_ms = created_at_ms - ?, updated_at_ms = updated_at_ms - ? WHERE row = ?';
      tx.run(sql, madeForMs, storedForMs ?? madeForMs, row);
      return row;
    });
  const left = () =>
    backend.read((reader) => reader.arrays('SELECT content FROM reservations ORDER BY content')).flat();
  const forget = () => forgetReservations(backend, () => false);
  await forget();
  await plan('a day old', { madeForMs: DAY_MS });
  const carried = await plan('carried', { isStored: false, madeForMs: DAY_MS });
  const fresh = await plan('stored now', { madeForMs: DAY_MS, storedForMs: 0 });
  await plan('the last old one', { madeForMs: 2 * RESERVED_FOR_MS });
  const young = [await plan('young'), await plan('younger')];
  assert.equal(left().length, 6);
  await forget();
  assert.deepEqual(left(), [carried, fresh, ...young]);
});

const contentOf = (name: string) => ({
  feed: 'default',
  sha256: randomBytes(32),
  generation: 1,
  state: 'carried' as const,
  carrier: name,
  size: 1,
  device: '1',
  inode: '1',
  mtimeNs: '1',
  sourcePath: Buffer.from(name),
  seal: 'lease' as const,
  target: Buffer.from(name),
  hour: null,
  ingestId: null,
  ingestedAtMs: null,
  note: null,
});
