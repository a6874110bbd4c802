/**
 * Sequences in which the reported event, the taken event and the file on disk differ. A consumer that applies the
 * events has a valid tree after each one (docs/watcher.md, Events). consumers.test.ts finds such sequences by chance.
 */
import assert from 'node:assert/strict';
import {
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Told } from './consumers/copy.js';
import { type Hand, scenario } from './consumers/hand.js';
import { Apart } from './consumers/places.js';
import type { Ending, Line } from './consumers/taker.js';

scenario('a directory that is gone before its put is taken, and another with something in it', async (hand) => {
  await hand.start({ debounceMs: 50 });
  await hand.unseen(
    () => mkdirSync(hand.at('dist')),
    () => {
      rmSync(hand.at('dist'), { recursive: true });
      hand.write('dist/js/app.js');
    },
  );
  await hand.rest();
});

scenario('the content of a directory is gone before its put is taken: no delete of it is reported', async (hand) => {
  hand.write('dist/old.js');
  await hand.start({ initial: true });
  await hand.unseen(() => {
    rmSync(hand.at('dist'), { recursive: true });
    hand.write('dist/js/app.js');
  });
  await hand.rest();
});

scenario('a directory is renamed, and one in it was away and comes back while its events are taken', async (hand) => {
  for (const path of ['a/0', 'a/s/f', 'a/t', 'a/u']) hand.write(path);
  await hand.start({ bufferMax: 1 });
  hand.know();
  renameSync(hand.at('a/s'), join(hand.outside, 's'));
  renameSync(hand.at('a'), hand.at('b'));
  for (let line = ''; line !== 'put file b/0'; ) line = await hand.next();
  renameSync(join(hand.outside, 's'), hand.at('b/s'));
  await hand.rest();
});

scenario('a directory is replaced while a consumer takes events without a pause', async (hand) => {
  hand.write('d/old');
  await hand.start({ bufferMax: 2 });
  hand.know();
  rmSync(hand.at('d/old'));
  renameSync(hand.at('d'), hand.at('e'));
  renameSync(hand.at('e'), hand.at('d'));
  // The buffer is full until the events above are taken.
  for (const name of ['f', 'g', 'h']) hand.write(name);
  await hand.next(() => {
    renameSync(hand.at('d'), join(hand.outside, 'd'));
    hand.write('d/new');
  });
  await hand.rest();
});

scenario('a directory that has no watch yet is away while a file in it is read', async (hand) => {
  for (const path of ['a', 'n/d/f', 'y', 'z']) hand.write(path);
  await hand.start({ initial: true, bufferMax: 1 });
  await hand.next(() => {
    renameSync(hand.at('n'), join(hand.outside, 'n'));
    hand.write('n/d/f');
  });
  for (let line = ''; line !== 'put directory n/d'; ) line = await hand.next();
  await hand.next(() => renameSync(hand.at('n/d'), join(hand.outside, 'd')));
  renameSync(join(hand.outside, 'd'), hand.at('n/d'));
  await hand.rest();
});

scenario('a write through a link in a directory that has no watch yet', async (hand) => {
  for (const path of ['a', 'b', 'n/d/f', 'w', 'y', 'z']) hand.write(path);
  await hand.start({ initial: true, bufferMax: 1 });
  await hand.next(() => {
    renameSync(hand.at('n'), join(hand.outside, 'n'));
    mkdirSync(hand.at('n/d'), { recursive: true });
    linkSync(hand.at('b'), hand.at('n/d/f'));
  });
  for (let line = ''; line !== 'put directory n/d'; ) line = await hand.next();
  await hand.next(() => hand.write('n/d/f', 'through the other name'));
  await hand.rest();
});

scenario('a renamed tree with directories in it: each name is reported once', async (hand) => {
  const folders = ['a', 'a/d', 'a/d/e', 'a/g'];
  for (const folder of folders) for (let n = 0; n < 200; n++) hand.write(`${folder}/${n}`);
  await hand.start({ bufferMax: 3 });
  hand.know();
  renameSync(hand.at('a'), hand.at('b'));
  const lines = await hand.rest();
  assert.equal(lines.filter((line) => line.startsWith('put file b/')).length, 200 * folders.length, lines.join('\n'));
});

scenario('stop() while the consumer works on an event', async (hand) => {
  const { statePath } = hand;
  await hand.start({ statePath });
  for (const name of ['a', 'b', 'c']) hand.write(name);
  const taken: string[] = [];
  for await (const event of hand.watcher.events()) {
    taken.push(hand.apply(event));
    if (taken.length === 2) await hand.stop();
  }
  assert.deepEqual(taken, ['put file a', 'put file b']);
  await hand.start({ statePath });
  const lines = (await hand.rest()).filter((line) => line !== 'put file b');
  assert.deepEqual(lines, ['put file c']);
});

scenario('an event that the consumer left without asking for the next comes again', async (hand) => {
  const { statePath } = hand;
  await hand.start({ statePath });
  hand.write('a');
  for await (const { path } of hand.watcher.events()) {
    assert.equal(path, hand.at('a'));
    break;
  }
  await hand.stop();
  await hand.start({ statePath });
  assert.deepEqual(await hand.rest(), ['put file a']);
});

for (const [what, make] of [
  ['file', (path: string) => writeFileSync(path, '')],
  ['symlink', (path: string) => symlinkSync('elsewhere', path)],
] as const)
  scenario(`a directory is a ${what} now, and the watcher is stopped before anything is taken`, async (hand) => {
    const { statePath } = hand;
    for (const path of ['d/x', 'd/e/y', 'kept']) hand.write(path);
    await hand.start({ statePath });
    hand.know();
    await hand.unseen(() => {
      rmSync(hand.at('d'), { recursive: true });
      make(hand.at('d'));
    });
    await hand.stop();
    await hand.start({ statePath });
    const lines = await hand.rest();
    assert.deepEqual(
      new Set(lines.slice(0, 3)),
      new Set(['delete file d/x', 'delete file d/e/y', 'delete directory d/e']),
    );
    assert.equal(lines.at(-1), `put ${what} d`);
  });

const WRITES: [name: string, write: (path: string) => void][] = [
  ['of another size', (path) => writeFileSync(path, 'longer than before')],
  ['of the same size', (path) => writeFileSync(path, swapped(path))],
  [
    'of the same size, with its mtime put back',
    (path) => {
      const { atime, mtime } = statSync(path);
      writeFileSync(path, swapped(path));
      utimesSync(path, atime, mtime);
    },
  ],
];
const swapped = (path: string): string => readFileSync(path, 'utf8').toUpperCase();

for (const [what, write] of WRITES)
  scenario(`a write ${what}, and a rename before anybody looked: a put follows the pair`, async (hand) => {
    hand.write('f');
    utimesSync(hand.at('f'), 1_000_000_000, 1_000_000_000);
    await hand.start();
    hand.know();
    write(hand.at('f'));
    renameSync(hand.at('f'), hand.at('g'));
    assert.deepEqual(await hand.rest(), ['delete file f', 'put file g', 'put file g']);
  });

scenario(
  'a scan of a new root finds a file that was reported a moment ago, and then written with its mtime put back',
  async (hand) => {
    const [, , [, write]] = WRITES as [unknown, unknown, (typeof WRITES)[number]];
    hand.write('f', 'before');
    await hand.start({ debounceMs: 500 });
    hand.know();
    hand.write('f', 'reported once');
    utimesSync(hand.at('f'), 1_000_000_000, 1_000_000_000);
    assert.equal(await hand.next(), 'put file f');
    const old = join(hand.base, 'old');
    renameSync(hand.root, old);
    mkdirSync(hand.root);
    renameSync(join(old, 'f'), hand.at('f'));
    write(hand.at('f'));
    assert.deepEqual(await hand.rest(), ['put file f']);
  },
);

for (const [what, write] of WRITES)
  for (const [how, lose] of [
    ['removed', (hand: Hand) => rmSync(hand.at('f'))],
    ['taken by another file', (hand: Hand) => renameSync(hand.at('other'), hand.at('f'))],
  ] as const)
    scenario(
      `a write ${what}, through a name that is ${how} before any check: the other names are reported`,
      async (hand) => {
        for (const name of ['f', 'other']) hand.write(name);
        utimesSync(hand.at('f'), 1_000_000_000, 1_000_000_000);
        linkSync(hand.at('f'), hand.at('g'));
        await hand.start();
        hand.know();
        write(hand.at('f'));
        lose(hand);
        assert((await hand.rest()).includes('put file g'));
      },
    );

for (const [what, write] of WRITES)
  scenario(`a write ${what}, through a name that was made just before: the other names are reported`, async (hand) => {
    hand.write('f');
    utimesSync(hand.at('f'), 1_000_000_000, 1_000_000_000);
    await hand.start();
    hand.know();
    linkSync(hand.at('f'), hand.at('g'));
    write(hand.at('g'));
    assert.deepEqual((await hand.rest()).sort(), ['put file f', 'put file g']);
  });

scenario(
  'a name of a file is made, removed or taken, and nothing was written: its other names are not reported',
  async (hand) => {
    for (const name of ['f', 'g', 'other']) hand.write(name);
    for (const name of ['f', 'g']) linkSync(hand.at(name), hand.at(`${name} too`));
    await hand.start();
    hand.know();
    linkSync(hand.at('f too'), hand.at('f again'));
    rmSync(hand.at('f'));
    renameSync(hand.at('other'), hand.at('g'));
    const lines = await hand.rest();
    assert.deepEqual(lines.sort(), ['delete file f', 'delete file other', 'put file f again', 'put file g']);
  },
);

for (const [when, events, how] of [
  ['before its first half was applied', 0, 'dies before'],
  ['when its first half was applied', 0, 'dies'],
  ['between its halves', 1, 'dies before'],
  ['when its second half was applied', 1, 'dies'],
] as [string, number, Ending][])
  scenario(`a process that dies in a rename, ${when}: both halves are delivered again`, async (hand) => {
    await hand.start({ statePath: hand.statePath });
    hand.write('f');
    await hand.rest();
    await hand.stop();
    const [first] = await dying(hand, events, how, () => renameSync(hand.at('f'), hand.at('g')));
    const isApart = events > 0 && first !== undefined && first.renameId === undefined;
    await toldAgain(hand, isApart ? ['put file g'] : HALVES);
  });

scenario('a process that dies before it has a directory: that is reported again before its content', async (hand) => {
  await hand.start({ statePath: hand.statePath });
  hand.write('a/d/f');
  await hand.rest();
  await hand.stop();
  await dying(hand, 1, 'dies before', () => renameSync(hand.at('a'), hand.at('z')));
  // Its content must first be reported under the new name.
  writeFileSync(hand.at('a'), 'a file');
  await hand.start({ statePath: hand.statePath });
  const lines = await hand.rest();
  assert(lines.indexOf('put directory z/d') < lines.indexOf('put file z/d/f'), lines.join(', '));
});

scenario(
  'a file became a directory before a stop, which other options report: it is deleted when it has gone',
  async (hand) => {
    const { statePath } = hand;
    await hand.start({ statePath });
    hand.write('d');
    await hand.rest();
    rmSync(hand.at('d'));
    mkdirSync(hand.at('d'));
    assert.equal(await hand.next(), 'put directory d');
    await hand.stop();
    rmSync(hand.at('d'), { recursive: true });
    await hand.start({ statePath, include: ['f*'] });
    assert.deepEqual(await hand.rest(), ['delete directory d']);
  },
);

scenario('stop() between the halves of a rename: both are delivered again', async (hand) => {
  hand.write('f');
  await hand.start({ statePath: hand.statePath });
  hand.know();
  renameSync(hand.at('f'), hand.at('g'));
  assert.equal(await hand.next(), 'delete file f');
  await hand.stop();
  await toldAgain(hand);
});

const HALVES = ['delete file f', 'put file g'];

/** `expected`: on a busy machine the halves may come too far apart to be a pair, and then one is delivered before the other. */
async function toldAgain(hand: Hand, expected = HALVES): Promise<void> {
  await hand.start({ statePath: hand.statePath });
  const lines = await hand.rest();
  assert.deepEqual(lines.slice(0, 2), expected);
}

/** A consumer in its own process that dies while it takes the events of `act`. Returns those that it applied. */
async function dying(hand: Hand, events: number, how: Ending, act: () => void): Promise<Told[]> {
  const applied: Told[] = [];
  const apart = new Apart(hand.base, (line: Line) => {
    if ('takes' in line) hand.copy.takes(line.takes);
    else if ('told' in line) {
      applied.push(line.told);
      hand.copy.apply(line.told, line.found);
    }
  });
  const options = { debounceMs: 0, rescanMs: 0, hidden: true, tempSuffixes: [], statePath: hand.statePath };
  await apart.start({ root: hand.root, options, speed: 'at once', looksLate: false, seed: 1 });
  await apart.endAfter(events, how);
  act();
  await apart.died();
  hand.copy.interrupted();
  return applied;
}
