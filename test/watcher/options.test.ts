/**
 * Impossible options are refused with a sentence. A filter that changed between two starts only affects the entries
 * that it concerns.
 */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ByteName } from '../../src/linux/names.js';
import { createWatcher, WatcherError, type WatcherOptions } from '../../src/watcher/index.js';
import { matcherOf } from '../../src/watcher/options/globs.js';
import { limits } from '../../src/watcher/options/limits.js';
import { PACKAGE } from '../world/program.js';
import { until } from '../world/waiting.js';
import { everywhere, scenario, type WatchedTree } from './watched-tree.js';

const NOTHING = (): void => {};
const LOGGER = { debug: NOTHING, info: NOTHING, warn: NOTHING, error: NOTHING };

function refusal(options: unknown): WatcherError {
  try {
    void createWatcher(options as WatcherOptions).stop();
  } catch (error) {
    assert(error instanceof WatcherError, String((error as Error).stack));
    assert.deepEqual([error.op, error.code, error.path], ['options', 'ERR_INVALID_ARG_VALUE', '']);
    assert.match(error.message, /^[A-Z].{20,}\.$/s);
    return error;
  }
  return assert.fail(`accepted: ${typeof options === 'object' ? Object.keys(options ?? {}) : String(options)}`);
}

for (const [what, options, message] of [
  ['a name that is not known', { debounce: 5 }, /option debounce is not known: did you mean debounceMs\?/],
  [
    'a name without a near one',
    { persistent: true },
    /option persistent is not known: .*debounceMs, bufferMax, .*rescanMs/,
  ],
  ['no object', 5, /options .* an object, and are 5/],
  ['a list', [], /options .* an object, and are \[\]/],
  ['null', null, /options .* an object, and are null/],
  ['a state without a path', { statePath: '' }, /statePath .* path of a file.* and is ""/],
  ['a state whose path is no text', { statePath: 5 }, /statePath .* and is 5/],
  ['a state whose path ends in a space', { statePath: '/tmp/x ' }, /statePath .* space/],
  ['a time beyond the timers', { debounceMs: 2 ** 31 }, /debounceMs .* from 0 to 2147483647, and is 2147483648/],
  ['a scan beyond the timers', { rescanMs: 2 ** 31 }, /rescanMs .* from 0 to 2147483647/],
  ['no number', { debounceMs: Number.NaN }, /debounceMs .* and is NaN/],
  ['null for a number', { debounceMs: null }, /debounceMs .* and is null/],
  ['a large integer', { bufferMax: 10n }, /bufferMax .* and is 10n/],
  ['a buffer that no memory holds', { bufferMax: 1e12 }, /bufferMax .* from 1 to 1000000, and is 1000000000000/],
  ['text for a switch', { hidden: 'false' }, /hidden has to be true or false, and is "false"/],
  ['a number for a switch', { recursive: 0 }, /recursive has to be true or false, and is 0/],
  ['null for a switch', { poll: null }, /poll has to be true or false/],
  ['text for another switch', { initial: 'yes' }, /initial has to be true or false/],
  ['a controller for its signal', { signal: new AbortController() }, /signal has to be an AbortSignal.*\.signal/],
  ['text for a signal', { signal: 'abort' }, /signal has to be an AbortSignal/],
  ['a logger that cannot log', { logger: {} }, /logger has to have the functions debug, info, warn and error/],
  ['half a logger', { logger: { ...LOGGER, debug: undefined } }, /logger has to have .*, and has no debug/],
  ['no logger', { logger: null }, /logger has to have/],
  ['an ending with a slash', { tempSuffixes: ['/x'] }, /tempSuffixes .* slash/],
  ['a glob for an ending', { metadataSuffixes: ['*.json'] }, /metadataSuffixes .* no \*, and is \["\*\.json"\]/],
  ['an object that holds itself', { ignore: circular() }, /ignore .* and is an object/],
] as const)
  test(`refused: ${what}`, () => assert.match(refusal(options).message, message));

function circular(): object {
  const self: { self?: object } = {};
  self.self = self;
  return self;
}

test('what is absent has its default, also where it is there as undefined', async () => {
  const names = ['debounceMs', 'ignore', 'hidden', 'signal', 'logger', 'statePath', 'rescanMs', 'backend', 'poll'];
  await createWatcher(Object.fromEntries(names.map((name) => [name, undefined]))).stop();
  await createWatcher({ debounceMs: 2 ** 31 - 1, bufferMax: limits.bufferMax, rescanMs: 0, logger: LOGGER }).stop();
});

test('docs/watcher.md has a row for every option, and no other', () => {
  const [, known = ''] = /the options are (.*)\.$/.exec(refusal({ persistent: true }).message) ?? [];
  const [, table = ''] =
    /^## Options\n([\s\S]*?)^## /m.exec(readFileSync(join(PACKAGE, 'docs/watcher.md'), 'utf8')) ?? [];
  const rows = [...table.matchAll(/^\| (`[^|]+`) \|/gm)].flatMap(([, names]) =>
    [...names!.matchAll(/\w+/g)].map(String),
  );
  // `poll` is in the row of `backend`, because it is a value of it.
  assert.deepEqual([...rows, 'poll'].sort(), known.split(', ').sort());
});

/** Paths as in the watcher: relative to the root, with no part that is empty, `.` or `..`. */
const PATHS = ['a', 'a/x', 'a/b/x', 'x', 'x/y', '.x', 'data/x', 'a\\b', '!', '(', '[', '{'] as ByteName[];
const USELESS = [
  ...['/x', '/data/x', '/**', '/**/x', '//x', '/', './/x'],
  ...['x/', 'a/', '**/', '*/', 'a/**/', 'a/*/', '!x/'],
  ...['a//x', '**//x', 'a/./x', 'a/../x', '../x', './../x', 'x/.', 'a/..', '.', '..', './.'],
  ...['./', '!', '!!', '!./', '!/x', './!', 'a\0b', 'x'.repeat(70_000)],
  ...['!x', '!!x', './!x', '!a/**'],
];
const USEFUL = [
  ...['x', './x', '././x', './**', '*', '**', 'a/**', '**/x', 'a/*', '!(x)', '+(x)', '\\!'],
  ...['{/x,a}', '{x/,a}', '[', '?', '.x', '.*', '[!/]', 'a\\\\b'],
];

test('globs that match no path are refused, with what to write instead; the others are not', async () => {
  for (const glob of USELESS) {
    for (const name of ['ignore', 'include'] as const)
      assert.match(
        refusal({ [name]: ['ok', glob] }).message,
        new RegExp(`^The option ${name} has the glob .*: .*`, 's'),
      );
    if (glob.length > 1_000) continue;
    const matches = matcherOf([glob])!;
    const some = PATHS.filter(matches).length;
    assert(some === 0 || some === PATHS.length || glob.includes('!'), `${glob} distinguishes paths`);
  }
  for (const glob of USEFUL) {
    await createWatcher({ ignore: [glob] }).stop();
    assert(PATHS.some(matcherOf([glob])!), `${glob} matches nothing`);
  }
  assert.match(refusal({ ignore: ['node_modules/'] }).message, /write "node_modules"/);
  assert.match(refusal({ ignore: ['a//b'] }).message, /write "a\/b"/);
  assert.match(refusal({ ignore: ['/data/x'] }).message, /below the root/);
  assert.match(refusal({ ignore: ['!x'] }).message, /has the glob "!x", .* everything else: leave the ! out/);
});

test('a glob of `include` for what other options keep out is refused by naming them', async () => {
  assert.match(refusal({ include: ['.env'] }).message, /hidden: true/);
  assert.match(refusal({ include: ['.config/*.json'] }).message, /hidden: true/);
  assert.match(refusal({ include: ['*.tmp'] }).message, /tempSuffixes/);
  assert.match(refusal({ include: ['*.metadata.json'] }).message, /metadataSuffixes/);
  for (const options of [
    { include: ['.env'], hidden: true },
    { include: ['*.tmp'], tempSuffixes: [] },
    { include: ['./a'] },
  ])
    await createWatcher(options).stop();
});

scenario(
  'a logger that fails later, at once or in its own time, ends nothing, and causes one warning',
  async (told) => {
    const warnings: Error[] = [];
    const keep = (warning: Error): void => void warnings.push(warning);
    process.on('warning', keep);
    let calls = 0;
    const fail = (): void => {
      calls += 1;
      throw new Error('the disk of the log is full');
    };
    const failLater = async (): Promise<void> => fail();
    await told.start({ logger: { debug: fail, info: fail, warn: failLater, error: fail } });
    await told.expect(() => writeFileSync(told.at('a'), ''), '+file a');
    rmSync(told.root, { recursive: true });
    await told.until('the error', () => told.errors.some(({ op }) => op === 'root'));
    mkdirSync(told.root);
    await told.until('its end', () => told.recovered.length === 1);
    assert(calls >= 3, `${calls} lines`);
    await until('the warning', () => warnings.length > 0);
    process.off('warning', keep);
    assert.equal(warnings.length, 1);
    assert.match(warnings[0]!.message, /logger .* the disk of the log is full/);
    assert.deepEqual(
      told.errors.filter(({ op }) => op === 'internal'),
      [],
    );
  },
);

const TREE = [
  'a.csv',
  'b.log',
  '.hidden',
  'c.tmp',
  'sub/d.csv',
  'sub/.e',
  'sub/deep/f.log',
  '.git/config',
  'logs/g.csv',
];

function plant(told: WatchedTree): void {
  for (const directory of ['sub/deep', '.git', 'logs']) mkdirSync(told.at(directory), { recursive: true });
  for (const path of TREE) writeFileSync(told.at(path), '1');
}

/** The events of the next start for an unchanged tree. */
async function restarted(told: WatchedTree, options: WatcherOptions): Promise<string[]> {
  await told.stop();
  await told.start({ statePath: told.statePath, ...options });
  return (await told.quiet()).sort();
}

everywhere(
  'with the same state, another filter reports what it includes now, and nothing that it excludes',
  async (told) => {
    plant(told);
    const all = { hidden: true, tempSuffixes: [] };
    await told.start({ statePath: told.statePath, ...all });
    assert.deepEqual(await told.quiet(), []);
    assert.deepEqual(await restarted(told, {}), []);
    assert.deepEqual(await restarted(told, all), [
      '+directory .git',
      ...['.git/config', '.hidden', 'c.tmp', 'sub/.e'].map(file),
    ]);
    assert.deepEqual(await restarted(told, { ...all, ignore: ['sub', '*.log'] }), []);
    const sub = ['+directory sub', '+directory sub/deep'];
    assert.deepEqual(await restarted(told, all), [
      ...sub,
      ...['b.log', 'sub/.e', 'sub/d.csv', 'sub/deep/f.log'].map(file),
    ]);
    assert.deepEqual(await restarted(told, { ...all, include: ['*.csv'] }), []);
    assert.deepEqual(
      await restarted(told, { ...all, include: ['*.{csv,log}'] }),
      ['b.log', 'sub/deep/f.log'].map(file),
    );
    assert.deepEqual(await restarted(told, { recursive: false }), []);
    assert.deepEqual(await restarted(told, {}), [
      '+directory sub/deep',
      ...['logs/g.csv', 'sub/d.csv', 'sub/deep/f.log'].map(file),
    ]);
    assert.deepEqual(await restarted(told, {}), []);
  },
);

const file = (path: string): string => `+file ${path}`;

scenario(
  'changes meanwhile, and events not taken, are forgotten with the other entries that are excluded now',
  async (told) => {
    const { statePath } = told;
    plant(told);
    await told.start({ statePath }, { listens: false });
    for (const path of ['a.csv', 'sub/d.csv']) rmSync(told.at(path));
    writeFileSync(told.at('sub/new.csv'), '1');
    // One event waits and is never taken: the state has it as outstanding.
    await until('the events wait', async () => (await told.watcher.events().next()).value !== undefined);
    await told.stop();
    rmSync(told.at('logs'), { recursive: true });
    const ignore = ['sub', 'logs'];
    assert.deepEqual(await restarted(told, { ignore }), ['-file a.csv']);
    rmSync(told.at('sub'), { recursive: true });
    assert.deepEqual(await restarted(told, {}), []);
  },
);

scenario('a tree of several pages is removed to its last row', async (told) => {
  const { statePath } = told;
  const names = Array.from({ length: limits.pageMax * 2 + 10 }, (_, n) => `${String(n).padStart(5, '0')}`);
  mkdirSync(told.at('many/more'), { recursive: true });
  for (const name of names) writeFileSync(join(told.at('many'), name), '');
  for (const name of names.slice(0, 5)) writeFileSync(join(told.at('many/more'), name), '');
  await told.start({ statePath });
  assert.deepEqual(await restarted(told, { ignore: ['many'] }), []);
  assert.equal((await restarted(told, {})).length, names.length + 7);
});

scenario('a stop during the removal of rows is completed by the next start', async (told) => {
  const { statePath } = told;
  const names = Array.from({ length: limits.pageMax * 8 }, (_, n) => `${n}.log`);
  for (const name of names) writeFileSync(told.at(name), '');
  await told.start({ statePath });
  await told.stop();
  let stopped = 0;
  for (let turns = 0; turns < 12; turns++) {
    const watcher = createWatcher({ statePath, ignore: ['*.log'] });
    const watching = watcher.watch(told.root).catch((error: Error) => {
      assert.equal(error.name, 'WatcherStoppedError');
      stopped += 1;
    });
    for (let n = 0; n < turns; n++) await new Promise((resolve) => setImmediate(resolve));
    await Promise.all([watcher.stop(), watching]);
  }
  assert(stopped > 3, `${stopped} stopped before they watched`);
  for (const name of names) rmSync(told.at(name));
  assert.deepEqual(await restarted(told, {}), []);
});
