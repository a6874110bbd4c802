/**
 * Changes while the consumer works on an event, and in directories that are not watched at that moment: the consumer
 * may have read another state than the reported one, and no event reports a write.
 */
import assert from 'node:assert/strict';
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Hand, scenario } from './consumers/hand.js';

const LONG_AGO_S = 1_000_000_000;

function writeLongAgo(hand: Hand, path: string, content: string): void {
  writeFileSync(hand.at(path), content);
  utimesSync(hand.at(path), LONG_AGO_S, LONG_AGO_S);
}

function exchange(hand: Hand, one: string, other: string): void {
  const aside = join(hand.outside, 'aside');
  renameSync(hand.at(one), aside);
  renameSync(hand.at(other), hand.at(one));
  renameSync(aside, hand.at(other));
}

scenario('two names are exchanged before the consumer reads the reported paths', async (hand) => {
  writeLongAgo(hand, 'g', 'G');
  await hand.start();
  hand.know();
  writeLongAgo(hand, 'f', 'F');
  assert.equal(await hand.next(() => exchange(hand, 'g', 'f')), 'put file f');
  await hand.rest();
});

scenario('a file that is reported as deleted is back before the consumer has finished that event', async (hand) => {
  writeLongAgo(hand, 'f', 'F');
  await hand.start();
  hand.know();
  const away = join(hand.outside, 'f');
  renameSync(hand.at('f'), away);
  assert.equal(await hand.next(), 'delete file f');
  await hand.unseen(() => renameSync(away, hand.at('f')));
  assert.deepEqual(await hand.rest(), ['put file f']);
});

scenario('a reported file is deleted before the consumer has finished the event', async (hand) => {
  await hand.start();
  hand.write('f');
  assert.equal(await hand.next(), 'put file f');
  await hand.unseen(() => rmSync(hand.at('f')));
  assert.deepEqual(await hand.rest(), ['delete file f']);
});

for (const [where, back] of [
  ['it is renamed', () => {}],
  ['it is away', (hand: Hand) => renameSync(hand.at('e'), hand.at('d'))],
] as const)
  scenario(
    `a file is written in a directory while ${where}, and renamed out of it: a put follows the pair`,
    async (hand) => {
      mkdirSync(hand.at('d'));
      writeLongAgo(hand, 'd/f', 'before');
      await hand.start();
      hand.know();
      renameSync(hand.at('d'), hand.at('e'));
      writeLongAgo(hand, 'e/f', 'after.');
      renameSync(hand.at('e/f'), hand.at('g'));
      back(hand);
      const lines = await hand.rest();
      assert.equal(readFileSync(hand.at('g'), 'utf8'), 'after.');
      assert.equal(lines.filter((line) => line === 'put file g').length, 2, lines.join(', '));
    },
  );

scenario(
  'a file is renamed into a directory that was just made, and written there: a put follows the pair',
  async (hand) => {
    writeLongAgo(hand, 'f', 'before');
    await hand.start();
    hand.know();
    mkdirSync(hand.at('d'));
    renameSync(hand.at('f'), hand.at('d/f'));
    writeLongAgo(hand, 'd/f', 'after.');
    const lines = await hand.rest();
    // The put of the pair alone is enough where it was made after the write: the copy is compared.
    assert.deepEqual([...new Set(lines)], ['put directory d', 'delete file f', 'put file d/f']);
  },
);

scenario('it is not quiet while the last event of a consumer that left is out of date', async (hand) => {
  await hand.start();
  hand.write('f');
  for await (const event of hand.watcher.events()) {
    assert.equal(hand.apply(event), 'put file f');
    break;
  }
  await hand.watcher.idle();
  await hand.unseen(() => rmSync(hand.at('f')));
  let isQuiet = false;
  const idle = hand.watcher.idle().then(() => {
    isQuiet = true;
  });
  await hand.unseen(() => {});
  assert.equal(isQuiet, false);
  assert.deepEqual(await hand.rest(), ['delete file f']);
  await idle;
});

scenario('a file is written through a delayed name, and loses it: its other name is reported', async (hand) => {
  writeLongAgo(hand, 'f', 'before');
  linkSync(hand.at('f'), hand.at('g'));
  hand.write('h');
  await hand.start({ debounceMs: 1_000 });
  hand.know();
  hand.write('h', 'reported a moment ago');
  assert.equal(await hand.next(), 'put file h');
  const first = hand.next();
  renameSync(hand.at('g'), hand.at('h'));
  assert.equal(await first, 'delete file g');
  await hand.unseen(
    () => writeLongAgo(hand, 'h', 'after.'),
    () => rmSync(hand.at('h')),
  );
  assert((await hand.rest()).includes('put file f'));
});

scenario(
  'a directory is renamed while a consumer that never waits works on a file in it: that is reported once',
  async (hand) => {
    hand.write('d/f');
    await hand.start({ initial: true });
    const told: string[] = [];
    for await (const event of hand.watcher.events()) {
      const line = hand.apply(event);
      told.push(line);
      if (line === 'put file d/f' && told.indexOf(line) === told.length - 1) renameSync(hand.at('d'), hand.at('e'));
      // It would come again forever, and no event of the kernel would be read.
      if (line === 'put file e/f' || told.length > 20) break;
    }
    assert.deepEqual(
      told.filter((line) => line === 'put file d/f'),
      ['put file d/f'],
      told.join(', '),
    );
    await hand.rest();
  },
);
