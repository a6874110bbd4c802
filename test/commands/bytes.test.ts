/** Names on a command line are bytes: a file whose name is not UTF-8 can be named like any other. */
import assert from 'node:assert/strict';
import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { argumentsOf } from '../../src/base/arguments.js';
import { type ByteName, bytesOfName, nameOfBytes, nameOfText, textOfBytes } from '../../src/linux/names.js';
import type { Hits } from '../../src/service/dashboard/search/hits.js';
import { Search } from '../../src/service/dashboard/search/search.js';
import { pathIn } from '../world/dropping.js';
import { PACKAGE } from '../world/program.js';
import { alter } from '../world/state-by-hand.js';
import { createWorld, type World } from '../world/world.js';

/** Latin-1, an unfinished sequence, and a byte that never occurs, between text. */
const NAME = 'caf\xe9 \xe2\x82 \xc3\xa4\xff.csv' as ByteName;
const STATED = ['learn', 'explain', 'held', 'retry', 'discard', 'withdraw', 'allow-again', 'backup'];

/** Node can pass only text to a process. A shell passes any bytes. */
function ctl(world: World, verb: string, word: Buffer, ...more: string[]): SpawnSyncReturns<string> {
  const octal = [...word].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('');
  const state = STATED.includes(verb) ? ['--state-path', world.statePath] : [];
  const script = `exec "$0" ${verb} "$(printf '${octal}')" "$@"`;
  const args = ['-c', script, join(PACKAGE, 'bin/ingest-ctl'), ...more, ...state];
  return spawnSync('sh', args, { encoding: 'utf8', cwd: world.input });
}

const says = (answer: SpawnSyncReturns<string>, code: number, text: RegExp): void => {
  assert.match(answer.stdout + answer.stderr, text);
  assert.equal(answer.status, code, answer.stderr);
};

test('bytes of a command line come back from text as they were', () => {
  for (const bytes of [NAME, '\xff', 'plain', '\xf0\x9f\x92\xa9', '\xed\xb2\x80', '\xc3\xa4\xc3', '\xef\xbf\xbd'])
    assert.equal(nameOfText(textOfBytes(bytesOfName(bytes as ByteName))), bytes);
  assert.equal(textOfBytes(Buffer.from('äöü 💩')), 'äöü 💩');
});

test('arguments that the kernel does not have any more are taken as Node gives them', () => {
  const argv = ['node', 'program', 'explain', 'a\ufffd.csv'];
  assert.deepEqual(argumentsOf({ argv }), argv.slice(2));
});

test('each verb that takes a path finds a file whose name is not UTF-8', async (t) => {
  const world = createWorld(t, { options: { maxBytes: 1_000 } });
  const absolute = pathIn(world.input, NAME);
  const large = world.content(2_000);
  writeFileSync(absolute, large);
  await world.runOnce([], { code: 4 });
  says(ctl(world, 'explain', absolute), 0, /is held|too_large/);
  says(ctl(world, 'retry', absolute), 0, /^1 file goes through/);
  await world.runOnce([], { code: 4 });
  // By its name alone, from its folder; then by another path of the same folder.
  says(ctl(world, 'retry', bytesOfName(NAME)), 0, /^1 file goes through/);
  await world.runOnce([], { code: 4 });
  symlinkSync(world.input, join(world.root, 'other way'));
  says(ctl(world, 'discard', pathIn(join(world.root, 'other way'), NAME)), 0, /^1 file is given up/);
  await world.runOnce();

  writeFileSync(absolute, 'small');
  await world.runOnce();
  says(ctl(world, 'explain', absolute), 0, /stored/);
  says(ctl(world, 'explain', bytesOfName(NAME)), 0, /stored/);
  says(ctl(world, 'allow-again', absolute, '--reason', 'a test'), 0, /generation 2/);
  const stored = world.ledger().find(({ state }) => state === 'stored')!;
  const target = pathIn(world.feed().warehouse, stored.target!);
  says(ctl(world, 'withdraw', target, '--reason', 'a test'), 0, /is withdrawn/);
  const loaded = pathIn(world.root, NAME);
  writeFileSync(loaded, 'loaded');
  says(ctl(world, 'learn', loaded), 0, /^1 content learned/);
});

test('a search of the page leads to such a file, also where its job is not known any more', async (t) => {
  const world = createWorld(t);
  writeFileSync(pathIn(world.input, NAME), 'small');
  await world.runOnce();
  assert.equal((await world.run('ingest-ctl', ['prune', '--keep-history', '1h'])).code, 0);
  alter(world, 'DELETE FROM jobs');
  const search = new Search(world.statePath);
  t.after(() => search.close());
  const sought = (await search.hits('caf', 10)) as { found: Hits };
  const { word } = sought.found.hits[0]!;
  assert.equal(sought.found.hits.length, 1);
  assert.match(JSON.stringify(await search.for(word)), /It was stored as /);
});

test('a file in a folder whose name is not UTF-8 is found through a symlink too', async (t) => {
  const world = createWorld(t);
  const name = nameOfBytes(Buffer.concat([bytesOfName(NAME), Buffer.from('/a.csv')]));
  writeFileSync(pathIn(world.input, name), 'in a folder');
  await world.runOnce();
  symlinkSync(world.input, join(world.root, 'other way'));
  says(ctl(world, 'explain', pathIn(join(world.root, 'other way'), name)), 0, /stored/);
});

test('a chain is tried on such a file; what must be text says so', async (t) => {
  const world = createWorld(t);
  const chain = join(world.root, 'chain.yaml');
  writeFileSync(chain, 'format: csv\nstart: split\nsteps: { split: { by: a } }\n');
  const path = pathIn(join(world.root, 'files'), NAME);
  mkdirSync(join(world.root, 'files'));
  writeFileSync(path, 'a,b\n1,2\n');
  says(ctl(world, 'process', path, '--process', chain), 0, /1 records of 2 columns/);
  await world.runOnce();
  says(ctl(world, 'backup', path), 2, /FILE must be text in UTF-8, but got ".*caf�/);
  says(ctl(world, 'doctor', Buffer.concat([Buffer.from('--config='), path])), 2, /--config must be text in UTF-8/);
  const folder = pathIn(world.root, NAME);
  mkdirSync(folder);
  says(ctl(world, 'learn', folder), 3, /DIR must have a path in UTF-8, but ".*" is not; rename that folder/);
});
