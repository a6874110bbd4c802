/**
 * Writes of equal size with the mtime put back, without an event under a known name: between two names, outside of the
 * tree, in directories that are not watched yet, or before a stop. At the end the copy must equal the tree.
 */
import assert from 'node:assert/strict';
import { linkSync, mkdirSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Hand, scenario } from './consumers/hand.js';

const LONG_AGO_S = 1_000_000_000;

function writeLongAgo(path: string, content: string): void {
  writeFileSync(path, content);
  utimesSync(path, LONG_AGO_S, LONG_AGO_S);
}

for (const [where, between] of [
  ['under a name between the two', (hand: Hand) => hand.at('between')],
  ['outside of the tree', (hand: Hand) => join(hand.outside, 'f')],
  [
    'in a directory that was just made',
    (hand: Hand) => {
      mkdirSync(hand.at('d'));
      return hand.at('d/f');
    },
  ],
] as const)
  scenario(`a file is written ${where}: a put follows the pair`, async (hand) => {
    writeLongAgo(hand.at('f'), 'before');
    await hand.start();
    hand.know();
    const path = between(hand);
    renameSync(hand.at('f'), path);
    writeLongAgo(path, 'after.');
    renameSync(path, hand.at('g'));
    assert.equal((await hand.rest()).filter((line) => line === 'put file g').length, 2);
  });

scenario('a file is written outside of the tree, comes back to its name, and is renamed', async (hand) => {
  writeLongAgo(hand.at('f'), 'before');
  await hand.start();
  hand.know();
  const away = join(hand.outside, 'f');
  renameSync(hand.at('f'), away);
  writeLongAgo(away, 'after.');
  renameSync(away, hand.at('f'));
  renameSync(hand.at('f'), hand.at('g'));
  await hand.rest();
});

scenario('a hard link is made in a directory that is not watched yet, and written through', async (hand) => {
  writeLongAgo(hand.at('f'), 'before');
  await hand.start();
  hand.know();
  mkdirSync(hand.at('d'));
  linkSync(hand.at('f'), hand.at('d/f'));
  writeLongAgo(hand.at('d/f'), 'after.');
  assert((await hand.rest()).includes('put file f'));
});

for (const [when, debounceMs] of [
  ['was seen', 0],
  ['was held back', 300],
] as const)
  scenario(`a write ${when}, and not reported before a stop: it is reported at the next start`, async (hand) => {
    const { statePath } = hand;
    writeLongAgo(hand.at('f'), 'before');
    await hand.start({ statePath, initial: true, debounceMs });
    await hand.rest();
    hand.write('a');
    assert.equal(await hand.next(), 'put file a');
    await hand.unseen(() => writeLongAgo(hand.at('f'), 'after.'));
    await hand.stop();
    await hand.start({ statePath });
    assert((await hand.rest()).includes('put file f'));
  });

scenario(
  'a directory takes the place of another one within the turn in which an event of it is done with',
  async (hand) => {
    mkdirSync(hand.at('other'));
    writeLongAgo(hand.at('other/f'), 'OTHERS');
    await hand.start({ debounceMs: 300 });
    hand.know();
    mkdirSync(hand.at('d'));
    writeFileSync(hand.at('d/f'), 'before');
    assert.equal(await hand.next(), 'put directory d');
    const line = await hand.next(() => {
      renameSync(hand.at('d'), hand.at('t'));
      renameSync(hand.at('other'), hand.at('d'));
    });
    assert.equal(line, 'put file d/f');
    await hand.rest();
  },
);

for (const [what, folder] of [
  ['a hard link', ''],
  ['a directory with a hard link', 'd/'],
] as const)
  scenario(`${what} is renamed, the link is written through and removed: its other name is reported`, async (hand) => {
    if (folder !== '') mkdirSync(hand.at('d'));
    writeLongAgo(hand.at(`${folder}f`), 'before');
    linkSync(hand.at(`${folder}f`), hand.at('other'));
    await hand.start();
    hand.know();
    const [from, to] = folder === '' ? ['f', 'g'] : ['d', 'e'];
    renameSync(hand.at(from), hand.at(to));
    const written = hand.at(folder === '' ? 'g' : 'e/f');
    writeLongAgo(written, 'after.');
    rmSync(written);
    assert((await hand.rest()).includes('put file other'));
  });
