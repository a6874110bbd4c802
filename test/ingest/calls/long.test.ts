/** The calls that read or copy a file of any size: the same two checks before and after as for a small one. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { closeSync, existsSync, openSync, readFileSync, statSync, utimesSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { SMALL_BYTES } from '../../../src/files/digest.js';
import { UNDERPROCESS, workName } from '../../../src/files/job-paths.js';
import type { Act, Acts, Answer, HashAnswer, SealAnswer, ToRead } from '../../../src/ingest/calls/order.js';
import { Running } from '../../../src/ingest/calls/run.js';
import { nameOfText } from '../../../src/linux/index.js';
import { type Grounds, grounds } from './grounds.js';

const LARGE = 'large\n'.repeat(SMALL_BYTES / 4);
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** A file that was just sealed and must be read. */
function sealedFile({ drop, seal }: Grounds, name: string, text: string): ToRead {
  const file = drop(name, text);
  const [answer] = seal(file) as SealAnswer[];
  assert.equal(answer?.kind, 'sealed');
  const { sealed } = answer as Extract<SealAnswer, { kind: 'sealed' }>;
  return { id: file.id, path: file.path, inside: file.inside, sealed, isHashed: false };
}

/** `between`: runs while the file is read, after its first piece. */
async function one<A extends Act>(
  { order }: Grounds,
  act: A,
  file: Acts[A]['file'],
  between: () => void = () => {},
): Promise<Answer<A>> {
  let pieces = 0;
  const take = async () => {
    if (++pieces === 2) between();
  };
  const running = new Running(order(act, [file]), { throttle: { take } });
  await running.next();
  running.close();
  return running.answers[0]!;
}

const read = async (ground: Grounds, file: ToRead, between?: () => void): Promise<HashAnswer> =>
  (await one(ground, 'read', file, between)) as HashAnswer;

const rewrite = (path: string): void => {
  const { atime, mtime } = statSync(path);
  const fd = openSync(path, 'r+');
  writeSync(fd, 'X', SMALL_BYTES);
  closeSync(fd);
  utimesSync(path, atime, mtime);
};

test('a large file is hashed, a small one in its turn too', async (t) => {
  const ground = await grounds(t);
  for (const text of [LARGE, 'small\n']) {
    const answer = await read(ground, sealedFile(ground, `${text.length}.csv`, text));
    assert.equal(answer.kind === 'hashed' && answer.sha256, sha256(text));
  }
});

test('bytes that change while they are read are no hash, also where the time of the change is put back', async (t) => {
  const ground = await grounds(t);
  const file = sealedFile(ground, 'a.csv', LARGE);
  const answer = await read(ground, file, () => rewrite(ground.sealed(file)));
  assert.deepEqual([answer.kind, answer.kind === 'again' && answer.why], ['again', 'changed']);
});

test('a writer that opens the file while it is read is found after the read', async (t) => {
  const ground = await grounds(t);
  const file = sealedFile(ground, 'a.csv', LARGE);
  let fd: number | undefined;
  const open = () => {
    fd = openSync(ground.sealed(file), 'r+');
  };
  const answer = await read(ground, file, open);
  closeSync(fd!);
  assert.deepEqual([answer.kind, answer.kind === 'again' && answer.why], ['again', 'writer_open']);
});

test('a private copy is made and kept where its hash counts, and nothing of it is left where it does not', async (t) => {
  const ground = await grounds(t);
  const partOf = ({ id, path }: ToRead, part: 'copy' | 'partial'): string =>
    join(ground.bench.feed.roots.work, UNDERPROCESS, workName(id, part, path)!);
  const copied = (name: string, demanded?: string): ToRead => {
    const file = sealedFile(ground, name, LARGE);
    return { ...file, sealed: { ...file.sealed!, kind: 'copy' }, demanded };
  };
  const [kept, demanded, other] = [copied('a.csv'), copied('b.csv', sha256(LARGE)), copied('c.csv', sha256('other'))];
  for (const [file, isKept] of [
    [kept, true],
    [demanded, true],
    [other, false],
  ] as const) {
    const answer = await read(ground, file);
    assert.deepEqual(answer.kind === 'hashed' && [answer.sha256, answer.sealed.copied], [sha256(LARGE), true]);
    assert.deepEqual([existsSync(partOf(file, 'copy')), existsSync(partOf(file, 'partial'))], [isKept, false]);
  }
  assert.equal(readFileSync(partOf(kept, 'copy'), 'utf8'), LARGE);
  const changed = copied('d.csv');
  const answer = await read(ground, changed, () => rewrite(ground.sealed(changed)));
  assert.deepEqual([answer.kind, existsSync(partOf(changed, 'copy'))], ['again', false]);
});

async function target(t: TestContext, text: string, came: 'exists' | 'across', lies?: string) {
  const ground = await grounds(t);
  const file = sealedFile(ground, 'a.csv', text);
  const name = 'a.csv';
  if (lies !== undefined) writeFileSync(ground.warehouse(name), lies);
  const { id, path, inside } = file;
  const put = {
    id,
    path,
    inside,
    part: 'file' as const,
    target: nameOfText(name),
    sha256: sha256(text),
    claimNo: 1,
    came,
  };
  const answer = await one(ground, 'put', put);
  return { ground, name, answer };
}

test('a copy across, and what lies at the target: there, taken, or copied', async (t) => {
  const { ground, name, answer } = await target(t, LARGE, 'across');
  assert.deepEqual([answer.kind, readFileSync(ground.warehouse(name), 'utf8')], ['copied', LARGE]);
  for (const [lies, kind] of [
    [LARGE, 'there'],
    [LARGE.replace('e', 'E'), 'taken'],
  ] as const)
    for (const came of ['exists', 'across'] as const) {
      const met = await target(t, LARGE, came, lies);
      assert.deepEqual([met.answer.kind, readFileSync(met.ground.warehouse(name), 'utf8')], [kind, lies]);
    }
});

test('what lies in the warehouse is nothing, the content, or something else', async (t) => {
  const ground = await grounds(t);
  writeFileSync(ground.warehouse('same.csv'), LARGE);
  writeFileSync(ground.warehouse('other.csv'), `${LARGE} `);
  const kinds = [];
  for (const name of ['same.csv', 'other.csv', 'nothing.csv', 'no/folder.csv'])
    kinds.push((await one(ground, 'compare', { target: nameOfText(name), sha256: sha256(LARGE) })).kind);
  assert.deepEqual(kinds, ['same', 'other', 'nothing', 'nothing']);
});
