/** The calls on one file: their effects, and their answers where a file is unusual. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  appendFileSync,
  closeSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { PlaceError } from '../../../src/files/place-error.js';
import type { SealAnswer, ToHash, ToMove, ToSeal } from '../../../src/ingest/calls/order.js';
import { AT_FDCWD, bootMs, nameOfText, statAt } from '../../../src/linux/index.js';
import { grounds, TEXT } from './grounds.js';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const sealedOf = (answer: { kind: string } | undefined) => answer as Extract<SealAnswer, { kind: 'sealed' }>;
const toHash = (file: ToSeal, answer: { kind: string } | undefined, more: Partial<ToHash> = {}): ToHash => ({
  id: file.id,
  path: file.path,
  inside: file.inside,
  isHashed: false,
  sealed: sealedOf(answer).sealed,
  ...more,
});
const toMove = (file: ToSeal, target: string, answer: { kind: string } | undefined): ToMove => ({
  id: file.id,
  path: file.path,
  inside: file.inside,
  part: 'file',
  target: nameOfText(target),
  identity: sealedOf(answer).sealed.identity,
});
const kinds = (answers: readonly { kind: string }[]): string[] => answers.map(({ kind }) => kind);

test('a plain file is sealed, then hashed, in a directory of its own too', async (t) => {
  const { seal, drop, sealed, input, run } = await grounds(t);
  const files = [drop('a.csv'), drop('sub/b.csv', 'other\n')];
  const answers = seal(...files);
  const hashes = run(
    'hash',
    files.map((file, i) => toHash(file, answers[i])),
  );
  assert.deepEqual(
    hashes.map((answer) => (answer as { sha256?: string }).sha256),
    [sha256(TEXT), sha256('other\n')],
  );
  assert.equal(readFileSync(sealed(files[0]!), 'utf8'), TEXT);
  assert.ok(!existsSync(input('a.csv')));
  const { sealed: facts, now } = sealedOf(answers[0]);
  const version = statAt(AT_FDCWD, nameOfText(sealed(files[0]!))).version;
  assert.deepEqual([facts.kind, facts.window, now.identity], ['lease', undefined, version]);
  const [first] = hashes;
  assert.equal(first?.kind === 'hashed' && first.sealed.identity, version);
});

test('sealing twice is safe: a file that was sealed before is found, and another one is not taken for it', async (t) => {
  const { seal, drop, sealed } = await grounds(t);
  const file = drop('a.csv');
  seal(file);
  const again = { ...file, claimNo: 2 };
  const found = sealedOf(seal(again)[0]);
  assert.deepEqual([found.kind, found.sealed.window], ['sealed', undefined]);
  writeFileSync(sealed(file), 'written since');
  assert.equal(sealedOf(seal(again)[0]).sealed.window?.by, 'write');
  rmSync(sealed(file));
  assert.deepEqual(seal(again), [{ kind: 'gone', is: undefined, hasSealedSidecar: false }]);
});

test('a sidecar that was sealed before is no word about a file that changed after it', async (t) => {
  const { seal, drop, input, sealed } = await grounds(t, { mode: 'sidecar', stabilitySeconds: 30, quietMs: 0 });
  const [same, changed] = [drop('same.csv'), drop('changed.csv')];
  for (const file of [same, changed]) {
    mkdirSync(join(sealed(file), '..'), { recursive: true });
    writeFileSync(sealed(file, 'sidecar'), '');
  }
  // A file system's clock has ticks of some ms.
  const ctimeOf = (path: string): bigint => statSync(path, { bigint: true }).ctimeNs;
  do appendFileSync(input('changed.csv'), 'the next version');
  while (ctimeOf(input('changed.csv')) <= ctimeOf(sealed(changed, 'sidecar')));
  const identity = statAt(AT_FDCWD, nameOfText(input('changed.csv'))).version;
  const next = { ...changed, seen: { ...changed.seen, identity, by: 'write' as const }, claimNo: 2 };
  const answers = seal({ ...same, claimNo: 2 }, next);
  assert.deepEqual(kinds(answers), ['sealed', 'wait']);
  assert.ok(existsSync(input('changed.csv')));
});

test('a file that the filters refuse gets back its sidecar that was sealed before', async (t) => {
  const { seal, drop, input, sealed } = await grounds(t, { mode: 'sidecar', exclude: ['*.bad'] });
  const [alone, another] = [drop('alone.bad'), drop('another.bad')];
  for (const file of [alone, another]) {
    mkdirSync(join(sealed(file), '..'), { recursive: true });
    writeFileSync(sealed(file, 'sidecar'), 'sealed');
  }
  writeFileSync(input('another.bad.ok'), 'newer');
  const answers = seal({ ...alone, claimNo: 2 }, { ...another, claimNo: 2 });
  assert.deepEqual(
    answers,
    [true, false].map((isSidecarBack) => ({
      ...{ kind: 'ignored', rule: 'excluded', isSidecarBack },
      hasSealedSidecar: !isSidecarBack,
    })),
  );
  assert.equal(readFileSync(input('alone.bad.ok'), 'utf8'), 'sealed');
  assert.equal(readFileSync(input('another.bad.ok'), 'utf8'), 'newer');
  assert.ok(existsSync(sealed(another, 'sidecar')) && !existsSync(sealed(alone, 'sidecar')));
});

test('an unusual file says so, stays where it is, and the others go on', async (t) => {
  const { seal, drop, input, sealed } = await grounds(t, { maxBytes: 1_000 });
  const written = drop('written.csv');
  const writer = openSync(input('written.csv'), 'r+');
  const changed = drop('changed.csv');
  writeFileSync(input('changed.csv'), 'other bytes');
  const taken = drop('taken.csv');
  mkdirSync(join(sealed(taken), '..'), { recursive: true });
  writeFileSync(sealed(taken), 'of somebody');
  const cut = drop('cut.csv');
  utimesSync(input('cut.csv'), 0, 0);
  const partial = { ...cut, seen: { ...cut.seen, identity: statAt(AT_FDCWD, nameOfText(input('cut.csv'))).version } };
  const link = drop('link.csv');
  rmSync(input('link.csv'));
  symlinkSync('written.csv', input('link.csv'));
  const gone = drop('gone.csv');
  rmSync(input('gone.csv'));
  const [large, long, plain] = [drop('large.csv', 'x'.repeat(2_000)), drop('long.csv'), drop('plain.csv')];
  const folders = 'd/'.repeat(1_900);
  mkdirSync(input(folders), { recursive: true });
  renameSync(input('long.csv'), input(`${folders}f`));
  const [tooLong, noMore] = ['f', 'gone'].map((name) => ({ ...long, path: nameOfText(folders + name) }));
  const answers = seal(written, changed, taken, partial, link, gone, large, tooLong!, noMore!, plain);
  closeSync(writer);
  assert.deepEqual(kinds(answers), [
    ...['writer', 'wait', 'changed', 'wait', 'gone', 'gone', 'size', 'name_too_long', 'gone', 'sealed'],
  ]);
  assert.equal((answers[1] as { why?: string }).why, 'changed');
  assert.equal((answers[3] as { why?: string }).why, 'partial_upload');
  for (const name of ['written', 'changed', 'taken', 'cut', 'large']) assert.ok(existsSync(input(`${name}.csv`)), name);
  assert.equal(readFileSync(sealed(taken), 'utf8'), 'of somebody');

  const linked = drop('linked.csv');
  linkSync(input('linked.csv'), input('second name'));
  const seen = { ...linked.seen, identity: statAt(AT_FDCWD, nameOfText(input('linked.csv'))).version };
  const copied = sealedOf(seal({ ...linked, seen })[0]);
  assert.deepEqual([copied.sealed.kind, copied.sealed.because], ['copy', 'hard_links']);
});

test('with sidecars, a file is sealed with its own, and only where that is whole and speaks of it', async (t) => {
  const options = { mode: 'sidecar', stabilitySeconds: 60, quietMs: 0 } as const;
  const { drop, seal, input, sealed } = await grounds(t, options);
  const dropWith = (name: string, says: string | undefined): ToSeal => {
    const file = drop(name);
    if (says !== undefined) writeFileSync(input(`${name}.ok`), says);
    return file;
  };
  const older = (name: string): ToSeal => {
    writeFileSync(input(`${name}.ok`), '');
    const ctimeOf = (path: string): bigint => lstatSync(input(path), { bigint: true }).ctimeNs;
    let file: ToSeal;
    // The clock of a filesystem advances only every few milliseconds.
    do file = dropWith(name, undefined);
    while (ctimeOf(name) === ctimeOf(`${name}.ok`));
    return { ...file, seen: { ...file.seen, by: 'write' } };
  };
  const written = dropWith('written.csv', '');
  const writer = openSync(input('written.csv.ok'), 'r+');
  const left = [dropWith('without.csv', undefined), written, older('older.csv')];
  const others = [dropWith('empty.csv', ''), dropWith('sum.csv', `${'AB'.repeat(32)}  sum.csv\n`)];
  others.push(dropWith('word.csv', 'done'));
  const answers = seal(...left, ...others);
  closeSync(writer);
  assert.deepEqual(
    answers.slice(0, 3).map((answer) => (answer as { why?: string }).why),
    ['no_sidecar', 'sidecar_open', 'window'],
  );
  assert.deepEqual(
    answers.slice(3).map((answer) => sealedOf(answer).sidecar),
    [{ kind: 'nothing' }, { kind: 'sha256', sha256: 'ab'.repeat(32) }, { kind: 'other' }],
  );
  for (const file of left) assert.ok(existsSync(input(file.path)));
  for (const file of others) assert.ok(existsSync(sealed(file)) && existsSync(sealed(file, 'sidecar')), file.path);

  // A file that came after its sidecar was sealed is another version.
  const [late] = others as [ToSeal];
  renameSync(sealed(late), input(late.path));
  appendFileSync(input(late.path), 'more');
  assert.deepEqual(seal({ ...late, claimNo: 2 }), [{ kind: 'other_version' }]);
});

test('a sealed file is hashed once it is as it was sealed', async (t) => {
  const { drop, run, sealed } = await grounds(t, { stabilitySeconds: 60, onEmpty: 'hold' });
  const longAgo = (file: ToSeal): ToSeal => ({ ...file, seen: { ...file.seen, sinceMs: 0 } });
  const files = ['a', 'b', 'c', 'd'].map((name) => longAgo(drop(`${name}.csv`)));
  const [first, second, third, fourth] = files as [ToSeal, ToSeal, ToSeal, ToSeal];
  const empty = longAgo(drop('empty.csv', ''));
  const large = longAgo(drop('large.csv', 'x'.repeat(2 << 20)));
  const answers = run('seal', [...files, empty, large]);
  appendFileSync(sealed(second), 'more');
  const writer = openSync(sealed(third), 'r+');
  const order = [...files, empty, large].map((file, i) => toHash(file, answers[i], { isHashed: file === fourth }));
  const came = run('hash', [...order, { ...order[0]!, id: '01ARZ3NDEKTSV4RRFFQ69G9999' }]);
  closeSync(writer);
  assert.deepEqual(kinds(came), ['hashed', 'again', 'again', 'as_hashed', 'empty', 'large', 'missing']);
  assert.deepEqual(
    came.slice(1, 3).map((answer) => (answer as { why?: string }).why),
    ['changed', 'writer_open'],
  );
  const window = { ...first.seen, sinceMs: Math.floor(bootMs()), identity: sealedOf(answers[0]).now.identity };
  const inWindow = { ...sealedOf(answers[0]).sealed, window };
  const [waiting, restarted] = run('hash', [
    { ...order[0]!, sealed: inWindow },
    { ...order[0]!, sealed: { ...inWindow, window: { ...window, boot: 'another one' } } },
  ]);
  assert.equal(waiting?.kind, 'wait');
  assert.deepEqual([restarted?.kind, (restarted as { why?: string }).why], ['again', 'window']);
});

test('a file is moved once, and never over another', async (t) => {
  const { warehouse, seal, drop, run, sealed } = await grounds(t);
  mkdirSync(warehouse('day'));
  writeFileSync(warehouse('day/taken.csv'), '');
  const [a, b] = [drop('a.csv'), drop('b.csv', 'other')] as const;
  const answers = seal(a, b);
  const moves = [
    toMove(a, 'day/free.csv', answers[0]),
    toMove(b, 'day/taken.csv', answers[1]),
    toMove(b, 'day/b.csv', answers[0]),
    toMove(a, 'day/a.csv', answers[0]),
  ];
  assert.deepEqual(kinds(run('move', moves)), ['renamed', 'exists', 'changed', 'no_source']);
  assert.equal(readFileSync(warehouse('day/free.csv'), 'utf8'), TEXT);
  assert.equal(readFileSync(warehouse('day/taken.csv'), 'utf8'), '');
  assert.ok(existsSync(sealed(b)));
});

test('a place that fails ends the order; what speaks of one file does not', async (t) => {
  const { bench, drop, run, seal, warehouse } = await grounds(t);
  mkdirSync(warehouse('day'));
  const [one, two] = [drop('one.csv'), drop('two.csv')] as const;
  const [long, free] = [`day/${'n'.repeat(300)}`, 'day/free.csv'];
  const answers = seal(one, two);
  const moves = [toMove(one, long, answers[0]), toMove(two, free, answers[1])];
  assert.deepEqual(kinds(run('move', moves)), ['failed', 'renamed']);
  const file = drop('a.csv');
  renameSync(bench.feed.roots.work, `${bench.feed.roots.work}.away`);
  const [first, second] = run('seal', [file, drop('b.csv')]);
  renameSync(`${bench.feed.roots.work}.away`, bench.feed.roots.work);
  assert.equal(second?.kind, 'stopped');
  const { error } = first as { error?: unknown };
  assert.ok(error instanceof PlaceError && error.place === 'work', String(error));
});
