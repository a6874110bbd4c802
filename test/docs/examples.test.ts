/** The examples in the text of docs/watcher.md and docs/replicate.md compile, and do what the text says. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { until } from '../world/waiting.js';
import { Example, examplesOf } from './example.js';

const [WATCHER = '', ...MORE] = examplesOf('docs/watcher.md');
const [MIRROR = '', CHANGE_LOG = '', ...MORE_REPLICATE] = examplesOf('docs/replicate.md');

test('each example is run by a test of its own', () => {
  assert.deepEqual([...MORE, ...MORE_REPLICATE], []);
  assert.match(WATCHER, /createWatcher/);
  assert.match(MIRROR, /replicate\(/);
  assert.match(CHANGE_LOG, /createChangeLog/);
});

test('the watcher copies changed files, removes deleted ones, reports errors, and ends when it is stopped', async (t) => {
  const example = new Example(t, WATCHER);
  for (const path of ['data/node_modules', 'data/old']) mkdirSync(example.at(path), { recursive: true });
  writeFileSync(example.at('data/old/there'), '1');
  await example.start();
  writeFileSync(example.at('data/node_modules/x'), '');
  mkdirSync(example.at('data/sub'));
  writeFileSync(example.at('data/sub/a'), '1');
  await example.untilDid('copy', '/data/sub', 'directory');
  await example.untilDid('copy', '/data/sub/a', 'file');
  renameSync(example.at('data/sub/a'), example.at('data/b'));
  await example.untilDid('copy', '/data/b', 'file');
  await example.untilDid('remove', '/data/sub/a');
  renameSync(example.at('data'), example.at('away'));
  await example.until('the sentence', () => /data: this root is not there.*\(ENOENT\)\.\n/.test(example.stderr));
  rmSync(example.at('away/old'), { recursive: true });
  renameSync(example.at('away'), example.at('data'));
  await example.untilDid('remove', '/data/old/there');
  await example.untilDid('remove', '/data/old');
  assert.equal(await example.stop(), 0);
  assert.deepEqual(
    example.did.filter((words) => words.join().includes('node_modules')),
    [],
  );
});

test('the mirror copies existing and new files, leaves out excluded ones, and ends when it is stopped', async (t) => {
  const example = new Example(t, MIRROR, ['mirror', /^ {2}const mirror = await replicate\([\s\S]*?^ {2}\}\);$/m]);
  for (const path of ['data', 'copy']) mkdirSync(example.at(path));
  writeFileSync(example.at('data/there'), '1');
  writeFileSync(example.at('data/half.part'), '1');
  await example.start();
  writeFileSync(example.at('data/new'), '2');
  await until('both to be copied', () => readdirSync(example.at('copy')).join() === '.ingest-replicate,new,there');
  assert.equal(await example.stop(), 0);
});

test('the indexer gets every file once, then the changes while it ran and while it was dead', async (t) => {
  const example = new Example(t, CHANGE_LOG);
  mkdirSync(example.at('data/sub'), { recursive: true });
  for (const name of ['kept', 'sub/gone']) writeFileSync(example.at(`data/${name}`), '1');
  await example.start();
  await example.untilDid('indexAll', '/data');
  writeFileSync(example.at('data/made'), '1');
  await example.untilDid('index', '/data/made', 'put');
  await example.kill();
  rmSync(example.at('data/sub'), { recursive: true });
  writeFileSync(example.at('data/meanwhile'), '1');
  await example.start();
  await example.untilDid('index', '/data/meanwhile', 'put');
  await example.untilDid('index', '/data/sub/gone', 'delete');
  await example.untilDid('index', '/data/sub', 'delete');
  assert(!example.did.some(([name]) => name === 'indexAll'), 'it is not fresh');
  assert(!example.did.some((words) => words.join().includes('kept')), 'an unchanged file is not reported');
});
