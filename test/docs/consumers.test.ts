/** The shell loop and the count of records of docs/consumers.md, out of the document's own text, on the output of a real ingest. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { appendFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { heldMove } from '../world/held-move.js';
import { PACKAGE } from '../world/program.js';
import { createWorld, type World } from '../world/world.js';
import { blockOf } from './documents.js';

const [, LOOP = ''] = /^```sh\n([\s\S]*?)^```$/m.exec(readFileSync(join(PACKAGE, 'docs/consumers.md'), 'utf8')) ?? [];
const LOAD = `printf '%s\\n' "$file"`;
/** A day that has begun in the far west is over in the far east: hours end without a wait. */
const WEST = ['--success-markers', '--timezone', 'Etc/GMT+12'];
const EAST = ['--success-markers', '--timezone', 'Etc/GMT-14'];

function loop(world: World, script: string): { status: number | null; files: string[]; notes: string[] } {
  const done = join(world.root, 'done');
  mkdirSync(done, { recursive: true });
  const env = { PATH: process.env.PATH, MANIFESTS: world.feed().manifests, DONE: done, LOOP };
  const { status, stdout, stderr } = spawnSync('sh', ['-c', script], { env, encoding: 'utf8' });
  assert.equal(stderr, '');
  const notes = readdirSync(done).filter((name) => !name.endsWith('.files') && name !== '.lock');
  return { status, files: stdout.split('\n').filter(Boolean), notes };
}

test('the loop prints each file of an hour once, when the hour is complete, and nothing that was withdrawn; one run at a time', async (t) => {
  if (spawnSync('jq', ['--version']).error) return t.skip('no jq: the loop of docs/consumers.md was not run');
  assert.ok(LOOP.includes(LOAD), 'the place for the load');
  const world = createWorld(t);
  world.start('ingest', WEST);
  await world.event('worker_started');
  const target = await heldMove(world);
  assert.equal((await world.run('ingest-ctl', ['discard', '--all'])).code, 0);
  for (const name of ['a.csv', 'b c.csv', `d"e'\\.csv`, '_SUCCESS', 'again/a.csv']) world.drop(name, 100);
  await world.allDroppedDone();
  await world.stop();
  rmSync(target);
  assert.deepEqual(loop(world, LOOP), { status: 0, files: [], notes: [] });

  await world.runOnce(EAST);
  const lines = world.survey().lines.map(({ record }) => record!);
  const stored = lines.filter(({ ingest_id }) => !world.survey().withdrawn.has(ingest_id));
  assert.deepEqual([lines.length, stored.length], [6, 5]);
  const failing = loop(world, LOOP.replace(LOAD, 'false'));
  assert.deepEqual([failing.status, failing.notes], [1, []]);
  const second = `sh -c "$LOOP" 2>&1 || echo "code $?"`;
  const during = loop(world, LOOP.replace(LOAD, `${second}; false`));
  assert.deepEqual(during, { status: 1, files: [`another run is at work in ${world.root}/done`, 'code 1'], notes: [] });
  const { status, files, notes } = loop(world, LOOP.replace(LOAD, `${LOAD}; cat`));
  assert.deepEqual([status, files], [0, stored.map(({ warehouse_path }) => warehouse_path)]);
  assert.ok(notes.length >= 1);
  assert.deepEqual(loop(world, LOOP), { status: 0, files: [], notes });
});

test('the count has the records that readers find: of no file that was withdrawn or taken away, of no line that is cut', async (t) => {
  if (spawnSync('python3', ['--version']).error)
    return t.skip('no python3: the count of docs/consumers.md was not run');
  const feedOf = (next?: string) => {
    const check = { use: 'check', columns: { amount: 'number' }, ...(next && { next }), else: 'reject' };
    return {
      options: { stabilitySeconds: 0, quietMs: 0, process: { format: 'csv', start: 'check', steps: { check } } },
    };
  };
  const world = createWorld(t, { feeds: { checked: feedOf(), written: feedOf('good') } });
  for (const [feed, count] of [
    ['checked', '3 records in 1 files\n'],
    ['written', '2 records in 1 files\n'],
  ] as const) {
    for (const [name, amounts] of [
      ['a.csv', '1 2 bad'],
      ['wrong.csv', '3 4 5 6'],
      ['gone.csv', '7'],
    ] as const)
      world.drop(name, `amount\n${amounts.replaceAll(' ', '\n')}\n`, { feed });
    await world.runOnce();
    const { manifests } = world.feed(feed);
    const [manifest] = readdirSync(manifests, { recursive: true, encoding: 'utf8' }).filter((path) =>
      path.endsWith('/manifest.jsonl'),
    );
    const path = join(manifests, manifest!);
    const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
    const placeOf = (name: string): string =>
      lines.map((line) => JSON.parse(line)).find((line) => line.path.endsWith(`/${name}`)).warehouse_path;
    const words = [placeOf('wrong.csv'), '--reason', 'a test'];
    assert.equal((await world.run('ingest-ctl', ['withdraw', ...words])).code, 0);
    await world.runOnce();
    rmSync(placeOf('gone.csv'));
    const exact = Buffer.from(placeOf('a.csv')).toString('base64');
    const ofBefore = { ingest_id: 'of before the chain', warehouse_path: '/not-utf-8', warehouse_path_b64: exact };
    appendFileSync(path, `${JSON.stringify(ofBefore)}\n{"path":`);
    const input = blockOf('docs/consumers.md', 'python');
    const { stdout, stderr } = spawnSync('python3', ['-', join(path, '../..')], { input, encoding: 'utf8' });
    assert.deepEqual({ stdout, stderr }, { stdout: `${count}no rows: /not-utf-8\n`, stderr: '' });
    assert.equal(spawnSync('python3', ['-', join(path, '..')], { input }).status, 1, 'a folder without a manifest');
    writeFileSync(path, `${lines.join('\n')}\n`);
  }
});
