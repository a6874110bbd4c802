/** The tight loops over plain files, here and in their thread: what they do, and what they leave to others. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Owners } from '../../../queue/owners.js';
import { type FileToSeal, type QuickSealed, runQuick, type SealOrder } from '../../../src/ingest/files/quick.js';
import { QuickThread } from '../../../src/ingest/files/quick-thread.js';
import { StraightWay } from '../../../src/ingest/worker/straight.js';
import { AT_FDCWD, host, nameOfText, openDirectory, statAt } from '../../../src/linux/index.js';
import { folderFor } from '../../files/folder.js';
import { until } from '../../world/waiting.js';
import { Bench } from '../stages/bench.js';

const TEXT = 'some bytes\n';
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

function grounds(t: TestContext) {
  const root = folderFor(t);
  const fds: number[] = [];
  const dir = (name: string): number => {
    mkdirSync(join(root, name), { recursive: true });
    const fd = openDirectory(AT_FDCWD, nameOfText(join(root, name)));
    fds.push(fd);
    return fd;
  };
  t.after(() => fds.forEach(closeSync));
  const [input, work, warehouse] = [dir('in'), dir('work'), dir('warehouse')];
  const seen = (name: string): string => statAt(input, nameOfText(name)).version;
  const drop = (name: string, text = TEXT): FileToSeal => {
    mkdirSync(dirname(join(root, 'in', name)), { recursive: true });
    writeFileSync(join(root, 'in', name), text);
    return { path: nameOfText(name), sealed: nameOfText(`sealed ${name.replace('/', ' ')}`), seen: seen(name) };
  };
  const order = (files: readonly FileToSeal[]): SealOrder => {
    const { dev: leasesOn } = statAt(AT_FDCWD, nameOfText(root));
    return { kind: 'seal', input, work, leasesOn, bytesMin: 0, bytesMax: 1_000_000, files };
  };
  const seal = (...files: FileToSeal[]): (QuickSealed | undefined)[] => runQuick(order(files), () => {});
  return { root, input, work, warehouse, drop, seen, order, seal };
}

test('a plain file is sealed and hashed, in a directory of its own too', (t) => {
  const { root, seal, drop } = grounds(t);
  const answers = seal(drop('a.csv'), drop('sub/b.csv', 'other\n'));
  assert.deepEqual(
    answers.map((one) => [one?.sha256, one?.size]),
    [
      [sha256(TEXT), TEXT.length],
      [sha256('other\n'), 6],
    ],
  );
  assert.equal(readFileSync(join(root, 'work', 'sealed a.csv'), 'utf8'), TEXT);
  assert.ok(!existsSync(join(root, 'in', 'a.csv')));
  assert.equal(answers[0]!.identity, statAt(AT_FDCWD, nameOfText(join(root, 'work', 'sealed a.csv'))).version);
});

test('what is not as in most files stays where it is, and the others go on', (t) => {
  const { root, seal, drop, seen, order } = grounds(t);
  const inInput = (name: string): string => join(root, 'in', name);
  const written = drop('written.csv');
  const writer = openSync(inInput('written.csv'), 'r+');
  const changed = drop('changed.csv');
  writeFileSync(inInput('changed.csv'), 'other bytes');
  drop('linked.csv');
  linkSync(inInput('linked.csv'), join(root, 'second name'));
  const linked = { ...drop('x'), path: nameOfText('linked.csv'), seen: seen('linked.csv') };
  const taken = drop('taken.csv');
  writeFileSync(join(root, 'work', 'sealed taken.csv'), 'of somebody');
  drop('cut.csv');
  utimesSync(inInput('cut.csv'), 0, 0);
  const cut = { ...drop('y'), path: nameOfText('cut.csv'), seen: seen('cut.csv') };
  symlinkSync('written.csv', inInput('link.csv'));
  const link = { ...drop('z'), path: nameOfText('link.csv') };
  const gone = { ...drop('gone.csv'), path: nameOfText('never.csv') };
  const empty = drop('empty.csv', '');
  const plain = drop('plain.csv');
  const files = [written, changed, linked, taken, cut, link, gone, empty, plain];
  const answers = seal(...files);
  closeSync(writer);
  assert.deepEqual(
    answers.map((one) => one !== undefined),
    [false, false, false, false, false, false, false, false, true],
  );
  for (const name of ['written', 'changed', 'linked', 'taken', 'cut', 'empty'])
    assert.ok(existsSync(inInput(`${name}.csv`)), name);
  assert.equal(readFileSync(join(root, 'work', 'sealed taken.csv'), 'utf8'), 'of somebody');
  const elsewhere = { ...order([drop('leases.csv')]), leasesOn: -1 };
  assert.deepEqual(
    runQuick(elsewhere, () => {}),
    [undefined],
  );
  const bounded = { ...order([drop('large.csv')]), bytesMax: 3 };
  assert.deepEqual(
    runQuick(bounded, () => {}),
    [undefined],
  );
});

test('with sidecars, a file is sealed with its own, and only where that is whole and speaks of it', (t) => {
  const { root, drop, seal } = grounds(t);
  const inInput = (name: string): string => join(root, 'in', name);
  const dropWith = (name: string, says: string | undefined, mayBeOlder = false): FileToSeal => {
    const file = drop(name);
    if (says !== undefined) writeFileSync(inInput(`${name}.ok`), says);
    const sidecar = { path: nameOfText(`${name}.ok`), sealed: nameOfText(`sealed ${name}.ok`), mayBeOlder };
    return { ...file, sidecar };
  };
  const older = (name: string, mayBeOlder: boolean): FileToSeal => {
    writeFileSync(inInput(`${name}.ok`), '');
    const ctimeOf = (path: string): bigint => lstatSync(inInput(path), { bigint: true }).ctimeNs;
    let file: FileToSeal;
    // The clock of a filesystem moves on every few milliseconds only.
    do file = dropWith(name, undefined, mayBeOlder);
    while (ctimeOf(name) === ctimeOf(`${name}.ok`));
    return file;
  };
  const written = dropWith('written.csv', '');
  const writer = openSync(inInput('written.csv.ok'), 'r+');
  const linked = dropWith('linked.csv', '');
  linkSync(inInput('linked.csv.ok'), join(root, 'second name'));
  const left = [dropWith('without.csv', undefined), written, linked, older('older.csv', false)];
  const others = [dropWith('empty.csv', ''), dropWith('sum.csv', `${'AB'.repeat(32)}  sum.csv\n`)];
  others.push(dropWith('word.csv', 'done'), older('old.csv', true));
  const answers = seal(...left, ...others);
  closeSync(writer);
  assert.deepEqual(
    answers.map((one) => one?.sidecar),
    [
      ...[undefined, undefined, undefined, undefined],
      { demanded: undefined },
      { demanded: 'ab'.repeat(32) },
      { demanded: undefined, saysOther: true },
      { demanded: undefined },
    ],
  );
  const whereOf = (name: string): string[] =>
    [inInput(name), join(root, 'work', `sealed ${name}`)].map((path) => (existsSync(path) ? 'there' : 'gone'));
  for (const name of ['written.csv', 'linked.csv', 'older.csv'])
    for (const one of [name, `${name}.ok`]) assert.deepEqual(whereOf(one), ['there', 'gone'], one);
  for (const name of ['empty.csv', 'sum.csv', 'word.csv', 'old.csv'])
    for (const one of [name, `${name}.ok`]) assert.deepEqual(whereOf(one), ['gone', 'there'], one);
});

test('a name is free where nothing lies; a file is moved once, and never over another', (t) => {
  const { root, seal, drop, work, warehouse } = grounds(t);
  mkdirSync(join(root, 'warehouse', 'day'));
  writeFileSync(join(root, 'warehouse', 'day', 'taken.csv'), '');
  const names = ['day/taken.csv', 'day/free.csv', 'no such day/free.csv'].map(nameOfText);
  assert.deepEqual(
    runQuick({ kind: 'look', warehouse, files: names }, () => {}),
    [undefined, true, true],
  );
  const [a, b] = seal(drop('a.csv'), drop('b.csv', 'other'));
  const files = [
    { sealed: nameOfText('sealed a.csv'), target: nameOfText('day/free.csv'), identity: a!.identity },
    { sealed: nameOfText('sealed b.csv'), target: nameOfText('day/taken.csv'), identity: b!.identity },
    { sealed: nameOfText('sealed b.csv'), target: nameOfText('day/b.csv'), identity: a!.identity },
  ];
  const move = { kind: 'move', work, warehouse, files } as const;
  assert.deepEqual(
    runQuick(move, () => {}),
    [true, undefined, undefined],
  );
  assert.equal(readFileSync(join(root, 'warehouse', 'day', 'free.csv'), 'utf8'), TEXT);
  assert.ok(existsSync(join(root, 'work', 'sealed b.csv')));
});

test('where the thread cannot run, its files are handled in this one, and that is told', async (t) => {
  const { root, order, drop } = grounds(t);
  const thread = new QuickThread({ path: join(root, 'no such file'), at: 0 });
  t.after(() => thread.close());
  const told: unknown[] = [];
  const beside = { thread, sayAgain: () => {}, failed: (error: unknown) => told.push(error) };
  const bench = await Bench.open();
  t.after(() => bench.close());
  const straight = new StraightWay(bench.backend, 'default', new Set(), () => {}, beside);
  for (const round of [1, 2]) {
    const files = Array.from({ length: 40 }, (_, i) => drop(`${round}-${i}.csv`, `${i}\n`));
    const answers = await straight.quick(order(files));
    assert.deepEqual(
      answers.map((one) => one?.sha256),
      files.map((_, i) => sha256(`${i}\n`)),
    );
  }
  assert.deepEqual(
    told.map((error) => (error as { code?: string }).code),
    ['ENOENT', 'ENOENT'],
  );
});

test('the thread gives the same answers, says what it has in hand, and is stuck only at a file that does not end', async (t) => {
  const { root, order, drop } = grounds(t);
  const owners = new Owners(host(), join(root, 'owners'));
  assert.ok(owners.tryBecome(1, 'test', 0));
  const thread = new QuickThread(owners.handSpot());
  t.after(() => thread.close().then(() => owners.close()));
  const files = Array.from({ length: 200 }, (_, i) => drop(`${i}.csv`, `${i}\n`));
  const ids = files.map((_, i) => `01ARZ3NDEKTSV4RRFFQ69G5${String(i).padStart(3, '0')}`);
  assert.equal(thread.stuckAt(), undefined);
  const asked = thread.run(order(files), ids);
  const inHand = new Set<string | null>();
  await until('it is done', async () => {
    inHand.add(owners.slot(1)!.job);
    return (await Promise.race([asked, undefined])) !== undefined;
  });
  const answers = await asked;
  assert.deepEqual(
    answers.map((one) => one?.sha256),
    files.map((_, i) => sha256(`${i}\n`)),
  );
  assert.ok([...inHand].every((job) => job === null || ids.includes(job)));
  assert.equal(owners.slot(1)!.job, null, 'nothing is in hand any more');
  owners.beat({ job: null, place: '' }, 5);
  assert.deepEqual([owners.slot(1)!.job, owners.slot(1)!.beat], [null, 5]);
  assert.equal(thread.stuckAt(), undefined);
});

test('what the thread is asked later may go first, and an order that fails is the failure of that one alone', async (t) => {
  const { root, order, drop, warehouse } = grounds(t);
  const owners = new Owners(host(), join(root, 'owners'));
  assert.ok(owners.tryBecome(1, 'test', 0));
  const thread = new QuickThread(owners.handSpot());
  t.after(() => thread.close().then(() => owners.close()));
  const files = Array.from({ length: 1_000 }, (_, i) => drop(`${i}.csv`, `${i}\n`));
  const names = Array.from({ length: 300 }, (_, i) => nameOfText(`free-${i}.csv`));
  const ended: string[] = [];
  const sealed = thread.run(order(files)).finally(() => ended.push('seal'));
  const failed = thread.run({ kind: 'look', warehouse: -1, files: names }).finally(() => ended.push('failing'));
  const looked = thread.run({ kind: 'look', warehouse, files: names }).finally(() => ended.push('look'));
  await assert.rejects(failed, /EBADF/);
  assert.ok((await looked).every((free) => free === true));
  assert.deepEqual(ended, ['failing', 'look'], 'the seals are still under way');
  assert.deepEqual(
    (await sealed).map((one) => one?.sha256),
    files.map((_, i) => sha256(`${i}\n`)),
  );
});
