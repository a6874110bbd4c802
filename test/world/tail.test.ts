import assert from 'node:assert/strict';
import {
  appendFileSync,
  closeSync,
  copyFileSync,
  openSync,
  readFileSync,
  renameSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { test } from 'node:test';
import { appendLine, manifestPath, recordOf } from './by-hand.js';
import { createWorld, type World } from './world.js';

function withLines(world: World): string {
  for (const name of ['a.csv', 'b.csv']) appendLine(world, recordOf(world, world.drop(name, 10)));
  return manifestPath(world);
}

test('a manifest that only grows is fine for its reader, also in small pieces', async (t) => {
  const world = createWorld(t);
  const path = withLines(world);
  const tail = await world.manifestTail();
  for (const piece of ['{"pa', 'th":', '"x"}', '\n', '{"path":"y"}\n', '{"half']) appendFileSync(path, piece);
  const report = await tail.stop();
  assert.deepEqual(report.broken, []);
  assert.equal(report.bytes, readFileSync(path).lastIndexOf(0x0a) + 1);
});

test('an unfinished line may be replaced by the whole of it', async (t) => {
  const world = createWorld(t);
  const path = withLines(world);
  const whole = readFileSync(path).length;
  appendFileSync(path, '{"half');
  const tail = await world.manifestTail();
  truncateSync(path, whole);
  appendFileSync(path, '{"path":"y"}\n');
  assert.deepEqual((await tail.stop()).broken, []);
});

const breakages: [string, RegExp, (path: string) => void][] = [
  ['cut by a line', /was cut/, (path) => truncateSync(path, readFileSync(path).indexOf('\n') + 1)],
  ['replaced by an equal copy', /another inode/, replaceByCopy],
  ['changed in one byte', /byte before a newline/, (path) => overwrite(path, 5)],
  ['moved away', /has gone/, (path) => renameSync(path, `${path}.gz`)],
];

for (const [name, sentence, act] of breakages) {
  test(`the reader reports a manifest ${name}`, async (t) => {
    const world = createWorld(t);
    const path = withLines(world);
    const tail = await world.manifestTail();
    act(path);
    const { broken } = await tail.stop();
    assert.equal(broken.length, 1, JSON.stringify(broken));
    assert.match(broken[0]!, sentence);
  });
}

function replaceByCopy(path: string): void {
  copyFileSync(path, `${path}.new`);
  renameSync(`${path}.new`, path);
}

function overwrite(path: string, at: number): void {
  const fd = openSync(path, 'r+');
  writeSync(fd, '#', at);
  closeSync(fd);
}
