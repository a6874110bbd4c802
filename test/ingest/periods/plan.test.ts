/** The hour and day of a line: never a closed one, and no name of a delivered file counts as a marker. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { benchIn, close, EAST, rows, STAGES, states, through, WEST } from './rounds.js';

for (const straight of [true, false])
  test(`a clock that is set back puts no line into a closed hour: ${straight ? 'planned ahead' : 'each stage by itself'}`, async (t) => {
    const bench = await benchIn(t);
    await bench.arrive(bench.world.drop('a.csv', 100));
    await through(bench, STAGES);
    await bench.reconfigure({ timezone: EAST });
    await close(bench);
    assert.deepEqual(states(bench), ['marked', 'marked']);
    await bench.reconfigure({ timezone: WEST });
    await bench.arrive(bench.world.drop('b.csv', 100));
    for (const stage of STAGES) await bench.step(stage, 10, undefined, straight);
    const [first, second] = bench.world.survey().lines.map(({ record }) => record!);
    assert.equal(bench.world.survey().lines.length, 2);
    const midnight = new Date(second!.ingested_at);
    assert.equal(
      midnight.getTime() - 12 * 3_600_000,
      Math.ceil((Date.now() - 12 * 3_600_000) / 86_400_000) * 86_400_000,
    );
    assert.notEqual(first!.warehouse_path.split('/').at(-2), second!.warehouse_path.split('/').at(-2));
    assert.deepEqual(states(bench).sort(), ['marked', 'marked', 'open', 'open']);
    bench.world.check();
  });

test('an hour that is closed while its lines are about to be planned gets none of them', async (t) => {
  const bench = await benchIn(t);
  await bench.arrive(bench.world.drop('a.csv', 100));
  await through(bench, STAGES.slice(0, 2));
  // Between the choice of an instant and the planning transaction, as if this process was stopped there.
  bench.prepare = (files) => {
    const { backend, feed } = bench;
    const { warehouse } = files;
    const look = warehouse.entry.bind(warehouse);
    warehouse.entry = (path) => {
      const folder = `${feed.options.warehouse}/${path.split('/')[0]}`;
      if (path.startsWith('ingest_date='))
        void backend.transact((tx) =>
          tx.run("INSERT OR IGNORE INTO periods VALUES (?, 'closed', 0, NULL, NULL, 0)", folder),
        );
      warehouse.entry = look;
      return look(path);
    };
  };
  await bench.step('manifest', 1);
  const [closed, ...others] = rows(bench).sort((a, b) => (a.state < b.state ? -1 : 1));
  assert.equal(closed!.state, 'closed');
  assert.equal(others.length, 2);
  assert.ok(!bench.world.manifest()[0]!.record!.warehouse_path.startsWith(`${closed!.folder}/`));
});

for (const [name, target] of [
  ['_SUCCESS', '_SUCCESS~2'],
  ['_SUCCESS/x.csv', '_SUCCESS~2/x.csv'],
  ['deep/_SUCCESS', 'deep/_SUCCESS'],
] as const)
  test(`nothing that is delivered passes for a marker of its day: ${name}`, async (t) => {
    const bench = await benchIn(t, { preserveSubdirs: true });
    for (const straight of [true, false]) {
      await bench.arrive(bench.world.drop(name, 100));
      for (const stage of STAGES) await bench.step(stage, 10, undefined, straight);
    }
    const targets = bench.world.warehouse().map(({ path }) => path.slice(path.indexOf('/') + 1));
    assert.equal(targets[0], target);
    assert.equal(targets.length, 2);
    bench.world.check();
  });
