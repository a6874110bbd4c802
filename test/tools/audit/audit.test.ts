/**
 * `ingest-ctl audit` finds each planted difference under its name, and nothing else. It leaves no file, and reports nothing about a
 * working ingest. AUDIT_FILES=100000 runs the twelve differences at that size.
 */
import assert from 'node:assert/strict';
import {
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { BY_COUNTRY, orders } from '../../world/chains.js';
import { loseState } from '../../world/lost.js';
import { changeByte, editLine, plantTwelve, storedIn } from '../../world/planting.js';
import { alter } from '../../world/state-by-hand.js';
import { until } from '../../world/waiting.js';
import { createWorld, type World } from '../../world/world.js';

const COUNT = Number(process.env.AUDIT_FILES ?? 300);
const limit = { timeout: 900_000 + COUNT * 10 };
const AT_ONCE = { stabilitySeconds: 0, quietMs: 0 };

interface Told {
  kind: string;
  at: string;
  what: string;
  remedy: string;
  line?: string;
}

async function audit(world: World, args: string[] = [], code?: number) {
  const ended = await world.run('ingest-ctl', ['audit', '--json', ...args]);
  const lines = ended.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const { totals } = lines.pop() as { totals: Record<string, number> };
  const told = lines as Told[];
  assert.equal(ended.code, code ?? (told.length > 0 ? 4 : 0), ended.stdout + ended.stderr);
  assert.equal(totals.found, told.length);
  return { told, totals };
}

async function worldWith(t: Parameters<typeof createWorld>[0], count: number): Promise<World> {
  const world = createWorld(t, { options: AT_ONCE });
  for (let n = 0; n < count; n++) world.drop(`${String(n).padStart(6, '0')}.csv`, 50 + (n % 50));
  await world.runOnce();
  return world;
}

const noNotes = (world: World): void =>
  assert(!readdirSync(join(world.root, 'state')).some((name) => name.includes('audit')), 'no notes are left');

test(`finds each of twelve planted differences among ${COUNT} files, and nothing else`, limit, async (t) => {
  const world = await worldWith(t, COUNT);
  assert.deepEqual((await audit(world, ['--hash'])).told, [], 'nothing is wrong before');
  const planted = plantTwelve(world);
  const { told, totals } = await audit(world, ['--hash']);
  assert.deepEqual(told.map(({ kind }) => kind).toSorted(), planted.map(([kind]) => kind).toSorted());
  for (const [kind, at] of planted) {
    const one = told.find((difference) => difference.kind === kind)!;
    assert(one.at.includes(at), `${kind} is reported at ${one.at}`);
    assert(one.remedy.length > 10, 'it has a remedy');
  }
  assert.equal(totals.rows, COUNT - 1);
  noNotes(world);
  // Without --hash it finds all but the changed byte.
  const quick = (await audit(world)).told.map(({ kind }) => kind);
  assert.deepEqual(quick.toSorted(), planted.flatMap(([kind]) => (kind === 'wrong_bytes' ? [] : [kind])).toSorted());
  const text = await world.run('ingest-ctl', ['audit', '--hash']);
  assert.equal(text.code, 4);
  assert.equal(text.stdout.trim().split('\n').length, 13, 'one line each, and the total');
  assert.match(text.stdout, /^12 differences in /m);
});

test('an edited field is reported for the line or the row: the one that the evidence contradicts', limit, async (t) => {
  const world = await worldWith(t, 14);
  const all = storedIn(world);
  const edits: [RegExp, string, string][] = [
    [/"sha256":"[0-9a-f]{8}/, '"sha256":"01234567', 'line_edited'],
    [/"size":\d+/, '"size":7', 'line_edited'],
    [/"inode":\d+/, '"inode":7', 'line_edited'],
    [/"mtime":\d+/, '"mtime":7', 'line_edited'],
    [/"mtime_ns":\d+/, '"mtime_ns":7', 'line_edited'],
    [/"warehouse_path":"[^"]*\//, '"warehouse_path":"/elsewhere/', 'line_edited'],
    [/\.csv","sha256/, '.txt","sha256', 'line_edited'],
    [/"ingest_id":"\w{5}/, '"ingest_id":"ABCDE', 'line_edited'],
    [/"ingested_at":"\d{4}/, '"ingested_at":"1999', 'line_edited'],
    [/"device":\d+/, '"device":7', 'line_and_row_differ'],
  ];
  for (const [n, [from, to]] of edits.entries()) editLine(all[n]!, (line) => line.replace(from, to));
  const digest = (n: number) => Buffer.from(all[n]!.record.sha256, 'hex');
  alter(world, 'UPDATE contents SET size = 7 WHERE sha256 = ?', digest(10));
  alter(world, "UPDATE contents SET state = 'manifested' WHERE sha256 = ?", digest(11));
  alter(world, "UPDATE contents SET ingest_id = 'NOBODY' WHERE sha256 = ?", digest(12));
  alter(world, "UPDATE contents SET target = x'61' WHERE sha256 = ?", digest(13));
  const { told } = await audit(world);
  const expected = [...edits.map(([, , kind]) => kind), ...Array<string>(4).fill('row_changed')];
  assert.deepEqual(told.map(({ kind }) => kind).toSorted(), expected.toSorted());
  for (const { kind, line } of told) {
    if (kind === 'line_edited')
      assert(
        all.some(({ raw }) => raw === line),
        'the edited line is reported',
      );
  }
});

test('a whole missing manifest is reported once; a rotated and compressed manifest is read', limit, async (t) => {
  const world = await worldWith(t, 20);
  const { file } = storedIn(world)[0]!;
  const bytes = readFileSync(file);
  rmSync(file);
  const gone = (await audit(world)).told;
  assert.deepEqual(
    gone.map(({ kind }) => kind),
    ['manifest_missing'],
  );
  assert.match(gone[0]!.what, /20 stored contents/);
  writeFileSync(`${file}.1.gz`, gzipSync(bytes));
  assert.deepEqual((await audit(world)).told, []);
});

test('a line joined to the next one, and a line without its beginning, are reported once each', limit, async (t) => {
  const world = await worldWith(t, 6);
  const all = storedIn(world);
  const inFile = readFileSync(all[0]!.file, 'utf8').split('\n');
  // The first line loses its end and its newline, the fourth line its beginning.
  inFile.splice(0, 2, inFile[0]!.slice(0, 80) + inFile[1]!);
  inFile[2] = inFile[2]!.slice(-40);
  writeFileSync(all[0]!.file, inFile.join('\n'));
  const { told } = await audit(world);
  assert.deepEqual(
    told.map(({ kind }) => kind),
    ['line_torn', 'line_torn'],
  );
});

test('an audit that was killed leaves nothing, and two may run at a time', limit, async (t) => {
  const world = await worldWith(t, 20);
  // So large that no audit reads it to its end in this test.
  const huge = join(world.feed().warehouse, 'zz-huge');
  writeFileSync(huge, '');
  truncateSync(huge, 2 ** 38);
  const program = world.launch('ingest-ctl', ['audit', '--hash', '--json', '--state-path', world.statePath]);
  const open = (): string[] =>
    readdirSync(`/proc/${program.pid}/fd`).flatMap((fd) => {
      try {
        return [readlinkSync(`/proc/${program.pid}/fd/${fd}`)];
      } catch {
        return [];
      }
    });
  await until('the huge file is being read', () => open().includes(huge));
  rmSync(huge);
  const path = storedIn(world)[3]!.record.warehouse_path;
  changeByte(path);
  const { told, totals } = await audit(world, ['--hash']);
  assert.deepEqual(
    told.map(({ kind, at }) => [kind, at]),
    [['wrong_bytes', path]],
  );
  assert.equal(totals.read, 20);
  program.kill();
  await program.ended;
  noNotes(world);
});

test('a working ingest makes no difference', limit, async (t) => {
  const world = createWorld(t, { options: { ...AT_ONCE, workers: 'all=2' } });
  world.start('ingest');
  for (let round = 0; round < 6; round++) {
    for (let n = 0; n < 150; n++) world.drop(`${round}-${n}.csv`, 100);
    await world.stored(150 * round + 20);
    assert.deepEqual((await audit(world, ['--hash'])).told, []);
  }
  await world.stop();
});

test('outputs that come while an audit runs make no difference', limit, async (t) => {
  const world = createWorld(t, { feeds: { made: { options: { ...AT_ONCE, process: BY_COUNTRY } } } });
  world.start('ingest');
  for (let round = 0; round < 5; round++) {
    for (let n = 0; n < 60; n++) world.drop(`${round}-${n}.csv`, orders(`${round}-${n}`, 10).text, { feed: 'made' });
    await until('some are stored', () => endings(world) > 60 * round + 5);
    assert.deepEqual((await audit(world)).told, []);
  }
  await world.stop();
});

const endings = (world: World): number => world.jobs('made').filter(({ ending }) => ending === 'stored').length;

test('a sealed file that was taken away, and a warehouse that is not mounted', limit, async (t) => {
  const world = createWorld(t, { options: AT_ONCE });
  await world.runOnce();
  await world.run('ingest-ctl', ['pause', 'hash']);
  world.drop('sealed.csv', 100);
  const program = world.start('ingest');
  await until('it is sealed', () => world.jobs()[0]?.stage === 'hash');
  await program.stop();
  assert.deepEqual((await audit(world)).told, []);
  const work = join(world.root, '.input.ingest/underprocess');
  rmSync(join(work, readdirSync(work)[0]!));
  assert.deepEqual(
    (await audit(world)).told.map(({ kind }) => kind),
    ['sealed_file_missing'],
  );
  renameSync(world.feed().warehouse, `${world.feed().warehouse}-away`);
  mkdirSync(world.feed().warehouse);
  const ended = await world.run('ingest-ctl', ['audit']);
  assert.equal(ended.code, 3);
  assert.match(ended.stderr, /has lost its marker/);
});

test('strange names, copies, subdirectories, a shared warehouse, a rebuilt state: no difference', limit, async (t) => {
  const options = { ...AT_ONCE, preserveSubdirs: true };
  const root = mkdtempSync(join(tmpdir(), 'ingest-shared-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  const [warehouse, manifests] = [join(root, 'warehouse'), join(root, 'manifests')] as const;
  for (const folder of [warehouse, manifests]) mkdirSync(folder);
  const places = { warehouse, manifests, options };
  const world = createWorld(t, { feeds: { a: places, b: places } });
  for (const feed of ['a', 'b']) {
    world.drop(Buffer.from('caf\xe9%2F\n.csv', 'latin1'), 100, { feed });
    world.drop('deep/er/é.csv', 100, { feed });
    world.drop('same.csv', 'the same for both', { feed });
    world.drop('empty.csv', '', { feed });
    world.drop(`${'x'.repeat(240)}.csv`, 100, { feed });
    const linked = world.drop('linked.csv', 100, { feed });
    linkSync(join(world.feed(feed).input, 'linked.csv'), join(world.root, `link-${feed}`));
    assert(linked);
  }
  await world.runOnce();
  assert.deepEqual((await audit(world, ['--hash'])).told, []);
  loseState(world);
  const rebuilt = await world.launch('ingest-ctl', ['rebuild', ...world.flags('ingest')]).ended;
  assert.equal(rebuilt.code, 0, rebuilt.stderr);
  // A probe leaves it while the warehouse takes no write.
  writeFileSync(join(warehouse, '.ingest-probe'), '');
  assert.deepEqual((await audit(world, ['--hash'])).told, []);
  // A torn line of the second feed is its own, in the manifest of both.
  const [torn] = world.manifest('b').filter(({ record }) => record?.feed === 'b');
  const file = join(manifests, torn!.file);
  writeFileSync(file, readFileSync(file, 'utf8').replace(torn!.raw, torn!.raw.slice(0, -60)));
  assert.deepEqual(
    (await audit(world, ['--hash'])).told.map(({ kind }) => kind),
    ['line_torn'],
  );
  assert.deepEqual(
    (await audit(world, ['--feed', 'b'])).told.map(({ kind }) => kind),
    ['line_torn'],
  );
});

test(
  'in a warehouse that feeds share, a file of another one is known: pruned, retired, or not to be read',
  limit,
  async (t) => {
    const root = mkdtempSync(join(tmpdir(), 'ingest-shared-'));
    t.after(() => rmSync(root, { recursive: true, force: true }));
    const options = { ...AT_ONCE, process: BY_COUNTRY };
    const world = createWorld(t, { feeds: { a: { warehouse: root, options }, b: { warehouse: root, options } } });
    for (const feed of ['a', 'b']) world.drop(`${feed}.csv`, orders(feed, 20).text, { feed });
    await world.runOnce();
    const audited = async () => [(await audit(world, ['--feed', 'a'])).told, (await audit(world)).told] as const;
    assert.equal((await world.run('ingest-ctl', ['retire', 'b'])).code, 0);
    const { manifests } = world.feed('b');
    const away = `${manifests}-away`;
    renameSync(manifests, away);
    assert.deepEqual(await audited(), [[], []], 'retired: its rows know its files');
    renameSync(away, manifests);
    assert.equal((await world.run('ingest-ctl', ['prune', '--keep-history', '0d'])).code, 0);
    assert.deepEqual(await audited(), [[], []], 'retired and pruned');
    await world.runOnce();
    assert.deepEqual(await audited(), [[], []], 'in use again');

    writeFileSync(join(root, 'strange.txt'), 'strange');
    const [[strange], [other]] = await audited();
    assert.match(strange!.remedy, /^remove it, or /);
    assert.deepEqual(strange, other);
    renameSync(manifests, away);
    const { told } = await audit(world, ['--feed', 'a']);
    assert.ok(told.length > 2 && told.every(({ kind }) => kind === 'file_unknown'));
    const leave = `leave it there: it may be a file of feed b, whose manifests ${manifests} cannot be read; put them back, then audit again`;
    assert.deepEqual([...new Set(told.map(({ remedy }) => remedy))], [leave]);
    renameSync(away, manifests);
    assert.deepEqual((await audit(world, ['--feed', 'a'])).told, [strange]);
  },
);

test(
  'a warehouse that was moved with its marker, and records that were pruned: a rename there is the one difference',
  limit,
  async (t) => {
    const world = createWorld(t, { feeds: { a: { options: { ...AT_ONCE, process: BY_COUNTRY } } } });
    world.drop('orders.csv', orders('a', 20).text);
    await world.runOnce();
    assert.equal((await world.run('ingest-ctl', ['prune', '--keep-history', '0d'])).code, 0);
    const { warehouse } = world.feed();
    const config = join(world.root, 'ingest.yaml');
    renameSync(warehouse, `${warehouse}-moved`);
    writeFileSync(config, readFileSync(config, 'utf8').replace(warehouse, `${warehouse}-moved`));
    await world.runOnce();
    assert.deepEqual((await audit(world)).told, []);
    assert.deepEqual((await audit(world, ['--hash'])).told, []);
    const [stored] = storedIn(world);
    const path = stored!.record.warehouse_path.replace(warehouse, `${warehouse}-moved`);
    renameSync(path, `${path}.by-hand`);
    assert.deepEqual(
      (await audit(world)).told.map(({ kind, at, what }) => [kind, at.startsWith(`${warehouse}/`), what]),
      [['file_renamed', true, `its content lies at ${path}.by-hand`]],
    );
  },
);

test('a file whose record was pruned and whose manifest was removed is never to be removed', limit, async (t) => {
  const world = createWorld(t, { feeds: { a: { options: { ...AT_ONCE, process: BY_COUNTRY } } } });
  world.drop('orders.csv', orders('a', 20).text);
  await world.runOnce();
  assert.equal((await world.run('ingest-ctl', ['prune', '--keep-history', '0d'])).code, 0);
  const [stored] = storedIn(world);
  rmSync(join(world.feed().manifests, world.manifest()[0]!.file));
  const { told } = await audit(world);
  const unknown = told.filter(({ kind }) => kind === 'file_unknown');
  assert.ok(unknown.length > 1, 'the file and its outputs');
  assert.ok(unknown.every(({ remedy }) => remedy.startsWith('leave it there: it may be a file of feed a')));
  assert.match(unknown.find(({ at }) => at === stored!.record.warehouse_path)!.what, /its content was ingested/);
});
