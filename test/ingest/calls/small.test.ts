/** A small file is read in one go, between the same two checks as a large one (long.test.ts). */
import assert from 'node:assert/strict';
import { closeSync, openSync, statSync, utimesSync, writeSync } from 'node:fs';
import { test } from 'node:test';
import { type OpenSealed, openSealed, readSmall } from '../../../src/ingest/calls/hash.js';
import type { HashAnswer, SealAnswer } from '../../../src/ingest/calls/order.js';
import { FeedFiles } from '../../../src/ingest/files/feed-files.js';
import { type Grounds, grounds } from './grounds.js';

/** The result of the hash where `between` runs after the first check. */
function readAfter(ground: Grounds, between: (sealedPath: string) => void): HashAnswer {
  const file = ground.drop('a.csv', 'small\n');
  const [answer] = ground.seal(file) as SealAnswer[];
  assert.equal(answer?.kind, 'sealed');
  const { sealed } = answer as Extract<SealAnswer, { kind: 'sealed' }>;
  const { roots, terms } = ground.order('hash', []);
  const files = new FeedFiles(roots);
  const { id, path, inside } = file;
  const open = openSealed(files, terms, { id, path, inside, sealed, isHashed: false }) as OpenSealed;
  try {
    between(ground.sealed(file));
    return readSmall(open, files.kinds);
  } finally {
    closeSync(open.fd);
    files.close();
  }
}

const whyOf = (answer: HashAnswer): string => (answer.kind === 'again' ? answer.why : answer.kind);

test('a small file that nobody touches is hashed', async (t) => {
  assert.equal(whyOf(readAfter(await grounds(t), () => {})), 'hashed');
});

test('a small file that is written in the moment of its hash is no hash, also where its time is put back', async (t) => {
  const rewrite = (path: string): void => {
    const { atime, mtime } = statSync(path);
    const fd = openSync(path, 'r+');
    writeSync(fd, 'X', 1);
    closeSync(fd);
    utimesSync(path, atime, mtime);
  };
  assert.equal(whyOf(readAfter(await grounds(t), rewrite)), 'changed');
});

test('a writer that opens a small file while it is read is found after the read', async (t) => {
  let fd: number | undefined;
  const answer = readAfter(await grounds(t), (path) => {
    fd = openSync(path, 'r+');
  });
  closeSync(fd!);
  assert.equal(whyOf(answer), 'writer_open');
});
