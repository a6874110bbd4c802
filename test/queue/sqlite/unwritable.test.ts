/**
 * A full disk: whole commits fail, no caller continues, and work resumes when there is room again.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openQueue, StateUnwritable } from '../../../queue/index.js';
import { host } from '../../../src/linux/index.js';
import { ADVANCE, candidate, candidates, scenario } from '../world.js';
import { newStateDir, sqlite } from './kind.js';

const isFull = (error: unknown) => error instanceof StateUnwritable && ['state_full', 'state_io'].includes(error.code);
const FAT = { payload: { fat: 'x'.repeat(20_000) } };

scenario(
  sqlite,
  'a transaction that SQLite ends fails for all its callers, and nothing is written alone',
  async (world) => {
    const queue = await world.open();
    await queue.enqueue(candidates(5));
    const jobs = await queue.claim('first', 5);
    const limit = (pages: number) => queue.transact((tx) => tx.get(`PRAGMA max_page_count = ${pages}`));
    const { page_count: pages } = queue.read((rows) => rows.get<{ page_count: number }>('PRAGMA page_count'))!;
    await limit(pages + 2);
    const note = (text: string) => queue.transact((tx) => tx.run('INSERT INTO notes VALUES (?)', text));
    const swallowed = queue.transact((tx) => {
      try {
        for (let i = 0; i < 50; i++) tx.run('INSERT INTO notes VALUES (?)', `${i}${'x'.repeat(9_000)}`);
      } catch {
        // A caller that continues after the disk was full.
      }
      tx.run("INSERT OR REPLACE INTO notes VALUES ('alone')");
    });
    const results = await Promise.allSettled([note('before'), swallowed, note('after')]);
    const notes = queue
      .read((rows) => rows.all<{ text: string }>('SELECT text FROM notes WHERE length(text) < 100'))
      .map(({ text }) => text);
    // Whatever SQLite ended, a caller got "written" if and only if its row exists.
    assert.deepEqual(notes.includes('before'), results[0]!.status === 'fulfilled');
    assert.deepEqual(notes.includes('alone'), results[1]!.status === 'fulfilled');
    assert.deepEqual(notes.includes('after'), results[2]!.status === 'fulfilled');
    await assert.rejects(queue.enqueue(candidates(40, { ...FAT, feed: 'fat' })), isFull);
    assert.equal(
      queue.stats().some(({ feed }) => feed === 'fat'),
      false,
      'no half batch',
    );
    await limit(1_000_000);
    const answers = await queue.settle(jobs.map((job) => ({ job, outcome: ADVANCE })));
    assert(answers.every(({ settled }) => settled));
    assert.equal(queue.counters().find(({ name }) => name === 'advance')?.files, 5);
  },
);

test('a state on a full disk goes on when there is room again, with nothing lost', {
  skip:
    process.geteuid?.() !== 0 &&
    'not run as root: no small filesystem could be mounted, so a really full disk was not tested',
}, async () => {
  const { dir, remove } = newStateDir();
  const mount = join(dir, 'm');
  mkdirSync(mount);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', mount]);
  try {
    const queue = await openQueue({
      path: join(mount, 'state.db'),
      host: host(),
      stages: ['only'],
      title: 'test',
      maxAttempts: 3,
    });
    const accepted: string[] = [];
    await assert.rejects(async () => {
      for (let i = 0; ; i++) {
        await queue.enqueue([candidate(`${i}`, FAT)]);
        accepted.push(`${i}`);
      }
    }, isFull);
    assert(accepted.length > 5);
    const held = queue.holders(
      'default',
      accepted.map((name) => Buffer.from(name)),
    );
    assert(held.every(Boolean), 'what was acknowledged is there');
    await assert.rejects(queue.enqueue([candidate('more', FAT)]), isFull);
    execFileSync('mount', ['-o', 'remount,size=16m', mount]);
    assert.deepEqual(await queue.enqueue([candidate('more', FAT)]), ['new']);
    assert.equal((await queue.claim('only', 1_000)).length, accepted.length + 1);
    await queue.close();
  } finally {
    execFileSync('umount', [mount]);
    remove();
  }
});

test('a ring that fails is no error', async () => {
  const { path, remove } = newStateDir();
  const queue = await openQueue({ path, host: host(), stages: ['only'], title: 'test', maxAttempts: 3 });
  rmSync(`${path}.doorbell`);
  writeFileSync(`${path}.doorbell`, '');
  assert.deepEqual(await queue.enqueue([candidate('a')]), ['new']);
  await queue.close();
  remove();
});
