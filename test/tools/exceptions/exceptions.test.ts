/** `allow-again`, `withdraw` and --same-content-again-after: what is ingested once more, or taken out, and nothing else. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { workDirOf } from '../../world/layout.js';
import { loseState, rebuilt } from '../../world/lost.js';
import { manifestLines } from '../../world/manifest.js';
import { tmpfsMount } from '../../world/mounts.js';
import { isRoot } from '../../world/users.js';
import { createWorld, type World } from '../../world/world.js';

const AT_ONCE = { stabilitySeconds: 0, quietMs: 0 };
const WHY = ['--reason', 'the loader had lost it'];

const ctlSays = async (world: World, ...words: string[]): Promise<string> => {
  const { code, stdout, stderr } = await world.run('ingest-ctl', words);
  assert.equal(code, 0, stderr);
  return stdout;
};

const refusedFor = async (world: World, words: string[], why: RegExp): Promise<void> => {
  const { code, stderr } = await world.run('ingest-ctl', words);
  assert.equal(code, 2, stderr);
  assert.match(stderr, why);
};

/** Ends with everything settled: how often this content is stored, and how many copies were put away as duplicates. */
async function dropAgain(world: World, name: string, content: Buffer): Promise<void> {
  world.drop(name, content);
  await world.runOnce();
}

const auditFindsNothing = async (world: World): Promise<void> =>
  assert.equal((await world.run('ingest-ctl', ['audit', '--hash'])).code, 0);

test('what was allowed comes in once more, as the next generation, and only once', async (t) => {
  const world = createWorld(t, { options: AT_ONCE });
  const content = world.content(3_000);
  await dropAgain(world, 'orders.csv', content);
  await dropAgain(world, 'twin.csv', content);
  const { sha256 } = world.dropped[0]!;
  assert.match(await ctlSays(world, 'allow-again', join(world.input, 'twin.csv'), ...WHY), /its generation 2\n/);
  assert.match(await ctlSays(world, 'allow-again', sha256, ...WHY), /was to be ingested once more already/);
  assert.match(
    await ctlSays(world, 'explain', join(world.input, 'orders.csv')),
    /Generation 2 .* \(the loader had lost it\): the next/,
  );
  world.check(); // a permission alone changes nothing

  await dropAgain(world, 'orders.csv', content);
  await dropAgain(world, 'late.csv', content);
  world.generations.set(sha256, 2);
  world.check();
  assert.deepEqual(
    world.manifest().map(({ record }) => [record!.generation, basename(record!.warehouse_path)]),
    [
      [undefined, 'orders.csv'],
      [2, 'orders~2.csv'],
    ],
  );
  assert.equal(world.duplicates().length, 2);
  await auditFindsNothing(world);
  const lines = world.manifest().map(({ raw }) => raw);
  loseState(world);
  await rebuilt(world);
  await dropAgain(world, 'after.csv', content);
  world.check();
  assert.deepEqual([world.manifest().map(({ raw }) => raw), world.duplicates().length], [lines, 3]);
  assert.deepEqual(
    world
      .ledger()
      .map(({ generation }) => generation)
      .sort(),
    [1, 2],
  );
});

for (const where of ['one filesystem', 'two filesystems'] as const) {
  test(`a withdrawn file is taken out with a correction, and stays known: ${where}`, async (t) => {
    if (where === 'two filesystems' && !isRoot)
      return t.skip('only root can mount: a withdrawal across filesystems is not tested');
    const world = createWorld(t, { options: AT_ONCE });
    if (where === 'two filesystems') tmpfsMount(world.feed().warehouse);
    const wrong = world.content(5_000);
    await dropAgain(world, 'wrong.csv', wrong);
    await dropAgain(world, 'right.csv', world.content(100));
    const { sha256 } = world.dropped[0]!;
    const path = world.manifest()[0]!.record!.warehouse_path;
    assert.match(
      await ctlSays(world, 'withdraw', path, '--reason', 'test data'),
      /wrong\.csv is withdrawn: its correction is written; a worker moves/,
    );
    await refusedFor(world, ['withdraw', sha256, '--reason', 'again'], /is withdrawn already/);
    await world.runOnce();
    world.withdrawn.add(sha256);
    world.check();
    await auditFindsNothing(world);

    assert.equal(world.failed().length, 1);
    const kept = world.failed()[0]!;
    assert.deepEqual(readFileSync(join(workDirOf(world.feed()), 'failed', kept.path)), wrong);
    const [correction, ...more] = manifestLines(world.feed().manifests, 'corrections.jsonl');
    assert.equal(more.length, 0);
    const said = JSON.parse(correction!.raw) as Record<string, string>;
    assert.deepEqual(
      [said.correction, said.sha256, said.warehouse_path, said.reason, said.ingest_id],
      ['withdrawn', sha256, path, 'test data', world.manifest()[0]!.record!.ingest_id],
    );
    assert.match(said.by!, /\S/);
    assert.match(await ctlSays(world, 'explain', join(world.input, 'wrong.csv')), /test data.*It lies in .*failed/s);

    await dropAgain(world, 'wrong.csv', wrong); // the same bytes are a duplicate still
    world.check();
    loseState(world);
    await rebuilt(world);
    await dropAgain(world, 'later.csv', wrong);
    world.check();
    assert.equal(world.duplicates().length, 2);

    await ctlSays(world, 'allow-again', sha256, ...WHY);
    world.generations.set(sha256, 2);
    await dropAgain(world, 'wrong.csv', wrong);
    world.check();
    assert.equal(world.warehouse().length, 2);
    await auditFindsNothing(world);
  });
}

test('the state is lost between the correction and the file: it is taken out after the rebuild', async (t) => {
  const world = createWorld(t, { options: AT_ONCE });
  const wrong = world.content(500);
  await dropAgain(world, 'wrong.csv', wrong);
  const { record } = world.manifest()[0]!;
  await ctlSays(world, 'withdraw', record!.sha256, '--reason', 'test data');
  await world.runOnce();
  // As a power cut between the two leaves it.
  writeFileSync(record!.warehouse_path, wrong);
  world.withdrawn.add(record!.sha256);
  loseState(world);
  await rebuilt(world);
  await world.runOnce();
  world.check();
  assert.equal(world.warehouse().length, 0);
  assert.equal(world.failed().length, 2);
  await dropAgain(world, 'again.csv', wrong);
  assert.deepEqual([world.warehouse().length, world.duplicates().length], [0, 1]);
});

test('a withdrawn file that is sent again: what became of the first is said, and the way out', async (t) => {
  const world = createWorld(t, { options: AT_ONCE });
  const content = world.content(3_000);
  await dropAgain(world, 'orders.csv', content);
  const { sha256 } = world.dropped[0]!;
  await ctlSays(world, 'withdraw', sha256, '--reason', 'test data');
  const dry = (): Promise<string> => world.run('ingest', ['--dry-run']).then(({ stdout }) => stdout);
  await world.runOnce();
  world.drop('again.csv', content);
  const out = new RegExp(`ingest-ctl allow-again ${sha256} --reason WHY .*--state-path`);
  assert.match(await dry(), /^duplicate\tagain\.csv\tstored before as .*orders\.csv and withdrawn; /m);
  await world.runOnce();
  const told = await world.event('file_skipped_duplicate');
  assert.equal(told.note, 'withdrawn');
  assert.match(String(told.release), out);
  const explained = await ctlSays(world, 'explain', 'again.csv');
  assert.match(explained, /was ingested before, as \S+orders\.csv.+, and that file was withdrawn: it is a duplicate/);
  assert.match(explained, /Its generation 1 was withdrawn by .+ \(test data\)\./);
  assert.match(explained, out);
  const first = await ctlSays(world, 'explain', 'orders.csv');
  assert.match(first, / UTC {2}withdrawn by /, 'the history of the withdrawal begins with it');
  assert.match(first, / UTC {2}found in the input\n/, 'that of the file with its arrival');
  await ctlSays(world, 'allow-again', sha256, ...WHY);
  assert.match(await ctlSays(world, 'explain', 'again.csv'), /What releases it: deliver it once more$/m);
});

test('what cannot be an exception is refused with its reason', async (t) => {
  const world = createWorld(t, { options: AT_ONCE });
  const content = world.content(200);
  await dropAgain(world, 'a.csv', content);
  await dropAgain(world, 'b.csv', content);
  const path = world.manifest()[0]!.record!.warehouse_path;
  for (const verb of ['allow-again', 'withdraw']) {
    await refusedFor(world, [verb, ...WHY], /needs a content/);
    await refusedFor(world, [verb, path], /needs a reason/);
    await refusedFor(world, [verb, 'ab'.repeat(32), ...WHY], /names no content that the ledger knows/);
    await refusedFor(world, [verb, join(world.input, 'never.csv'), ...WHY], /names no content/);
  }
  await refusedFor(
    world,
    ['withdraw', join(world.input, 'b.csv'), ...WHY],
    /was not ingested: it is a duplicate of .*a\.csv/,
  );
  world.check();

  // A corrected file came under the same name: nobody knows which one is wrong.
  const wrong = world.manifest().find(({ record }) => record?.warehouse_path === path)!;
  const source = wrong.record!.path;
  world.drop(source.slice(world.input.length + 1), 'corrected');
  await world.runOnce();
  await refusedFor(
    world,
    ['withdraw', source, ...WHY],
    new RegExp(`several files came by that name: .*\\(ingest_id [0-9A-Z]{26}\\) or .*${wrong.record!.ingest_id}`),
  );

  // Somebody puts another file in its place before the worker comes.
  await ctlSays(world, 'withdraw', path, ...WHY);
  writeFileSync(path, 'not what was stored');
  await world.runOnce([], { code: 4 });
  assert.deepEqual(
    world.jobs().flatMap(({ hold_code }) => hold_code ?? []),
    ['withdrawn_file_differs'],
  );
  assert.equal(readFileSync(path, 'utf8'), 'not what was stored');
});

test('a feed may take the same content again after a time, and not before', async (t) => {
  const world = createWorld(t, { options: AT_ONCE });
  const content = world.content(0);
  const daily = async (more: string[] = []): Promise<void> => {
    world.drop('daily.csv', content);
    await world.runOnce(more);
  };
  await daily();
  await daily(['--same-content-again-after', '366d']);
  world.check();
  assert.equal(world.duplicates().length, 1);
  await daily(['--same-content-again-after', '1s']);
  const { sha256 } = world.dropped[0]!;
  world.generations.set(sha256, 2);
  world.check();
  assert.deepEqual([world.warehouse().length, world.duplicates().length], [2, 1]);
  assert.match(
    await ctlSays(world, 'explain', world.manifest()[0]!.record!.warehouse_path),
    /--same-content-again-after/,
  );
});
