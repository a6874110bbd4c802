/** The documents of the API. Every view shows the same figures. */
import assert from 'node:assert/strict';
import { readFileSync, renameSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { StatsAnswer, TraceAnswer } from '../../../src/service/dashboard/answers.js';
import type { Done } from '../../../src/service/dashboard/held/acts.js';
import type { ErrorsAnswer } from '../../../src/service/dashboard/held/errors.js';
import type { Report } from '../../../src/service/status/report.js';
import { withHeldFile } from '../../commands/cases.js';
import { editDatabase, readDatabase } from '../../world/database.js';
import { until } from '../../world/waiting.js';
import { createWorld, type World } from '../../world/world.js';
import { dashboardAlone, ingestServed, type Served } from './served.js';

/** The samples of one metric, by their labels in the order of the text. */
async function samplesOf(served: Served, name: string): Promise<Map<string, number>> {
  const { body } = await served.ask('/metrics');
  const lines = body.split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
  return new Map(lines.map((line) => [line.slice(name.length, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]));
}

async function queueStat(world: World): Promise<Report> {
  return JSON.parse((await world.run('queue-stat', ['--json'])).stdout) as Report;
}

/** The living workers that have logged their start. */
function livingWorkers(world: World): number[] {
  const started = world.log.named('worker_started').filter(({ worker }) => String(worker).startsWith('worker '));
  const living = new Set(world.programs[0]!.descendants());
  return started.map((event) => Number(event.worker_pid)).filter((pid) => living.has(pid));
}

test('/stats has the counts of a folder queue, /trace the jobs that ended last, with every daemon down', async (t) => {
  const world = createWorld(t);
  const first = world.drop('a.csv', 1_000);
  world.drop('b.csv', 'same');
  world.drop('c.csv', 'same');
  await world.runOnce();
  const served = await dashboardAlone(world);
  const stats = await served.json<StatsAnswer>('/stats');
  assert.deepEqual([stats.unprocessed.files, stats.underprocess.files, stats.held], [0, 0, 0]);
  assert.deepEqual(
    [stats.processed.files, stats.processed.bytes, stats.processed.stored, stats.processed.duplicates],
    [3, 1_008, 2, 1],
  );
  const { in_flight: inFlight, last } = await served.json<TraceAnswer>('/trace?n=2');
  assert.deepEqual(inFlight, []);
  assert.equal(last.length, 2, 'n limits the list');
  const all = (await served.json<TraceAnswer>('/trace')).last;
  const told = all.find(({ path }) => path === 'a.csv')!;
  assert.deepEqual([told.state, told.bytes, told.sha256], ['stored', 1_000, first.sha256]);
  assert.match(told.warehouse_path!, /\/ingest_date=\d{4}-\d\d-\d\d\/a\.csv$/);
  assert.equal(all.find(({ state }) => state === 'duplicate')!.bytes, 4);
});

test('/errors lists what is held, page by page, and retry sends it on', async (t) => {
  const world = createWorld(t);
  for (const name of ['one', 'two', 'three']) {
    world.drop(`${name}.csv`, 300);
    world.held.add(`${name}.csv`);
  }
  await withHeldFile(world);
  const served = await dashboardAlone(world);
  const { held_by_code: codes, held, next } = await served.json<ErrorsAnswer>('/errors?limit=3');
  assert.deepEqual(codes, [{ feed: 'default', stage: 'verify-complete', code: 'too_large', files: 4 }]);
  assert.equal(held.length, 3);
  const rest = await served.json<ErrorsAnswer>(`/errors?limit=3&after=${next}`);
  assert.deepEqual([rest.held.length, rest.next], [1, null]);
  assert.equal(new Set([...held, ...rest.held].map(({ id }) => id)).size, 4);
  assert.match(held[0]!.hint, /--max-bytes/);
  assert.deepEqual((await served.json<ErrorsAnswer>('/errors?code=poison')).held, []);

  const one = await served.change('retry', { jobs: [held[0]!.id] });
  assert.deepEqual(JSON.parse(one.body).files, 1);
  const again = JSON.parse((await served.change('retry', { jobs: [held[0]!.id] })).body);
  assert.deepEqual(again.files, 0, 'it is not held any more');
  const all = JSON.parse((await served.change('discard', { all: true, code: 'too_large' })).body);
  assert.equal(all.files, 3);
  assert.equal(world.jobs().filter(({ state }) => state === 'held').length, 0);
  await until('each action to be logged', () => world.log.named('operator_act').length === 3);
});

test('/resume opens every pause within its scope, and names a pause that still closes it', async (t) => {
  const world = createWorld(t);
  world.drop('a.csv', 100);
  await world.runOnce();
  const served = await dashboardAlone(world);
  const asks = async (verb: string, body: object) =>
    (JSON.parse((await served.change(verb, body)).body) as Done).sentence;
  const feed = 'default';
  for (const scope of [{ stage: 'hash' }, { feed }, { stage: 'move', feed }, {}]) await asks('pause', scope);
  const closed = async () => (await served.snapshot()).gates.length;
  assert.equal(await closed(), 4);
  const one = await asks('resume', { stage: 'move', feed });
  assert.match(one, /^Move of default is open again\. .*Every stage of every feed is still closed by a pause/);
  assert.equal(await closed(), 3);
  const all = await asks('resume', {});
  for (const scope of ['Hash of every feed', 'Every stage of default', 'Every stage of every feed'])
    assert.ok(all.includes(`${scope} is open again.`), all);
  assert.equal(await closed(), 0);
  assert.equal(await asks('resume', {}), 'Every stage of every feed was not paused.');
});

test('a search gives the answer of explain: by path, by job, by content', async (t) => {
  const world = createWorld(t);
  const { sha256 } = world.drop('below/a.csv', 1_000);
  await world.runOnce();
  const served = await dashboardAlone(world);
  const explained = JSON.parse(
    (await world.run('ingest-ctl', ['explain', join(world.input, 'below/a.csv'), '--json'])).stdout,
  );
  const id = explained.found[0].job.id;
  for (const query of [
    `path=${encodeURIComponent(join(world.input, 'below/a.csv'))}`,
    `path=${encodeURIComponent('below/a.csv')}`,
    `path=${id}`,
    `sha256=${sha256}`,
    `sha256=${sha256.toUpperCase()}`,
  ]) {
    const { found, text } = await served.json<{ found: unknown[]; text: string }>(`/files?${query}`);
    assert.deepEqual(found, explained.found, query);
    assert.match(text, /It was stored as .*a\.csv/);
  }
  const byHash = await world.run('ingest-ctl', ['explain', sha256, '--json']);
  assert.deepEqual(JSON.parse(byHash.stdout).found, explained.found);
  const none = await served.json<{ found: { verdict: string }[] }>(`/files?sha256=${'0'.repeat(64)}`);
  assert.equal(none.found[0]!.verdict, 'unknown');
});

test('page, API, queue-stat, metrics and database give the same figures at a quiet point, after 20 kills too', async (t) => {
  const world = createWorld(t);
  const served = await ingestServed(world, ['--workers', 'all=4']);
  for (let i = 0; i < 20; i++) {
    world.drop(`${i}.csv`, 2_000);
    world.drop(`again ${i}.csv`, `content ${i % 3}`);
    const worker = await until('a worker', () => livingWorkers(world)[i % 4]);
    process.kill(worker, 'SIGKILL');
    await until('its end', () => !livingWorkers(world).includes(worker));
  }
  await world.allDroppedDone();
  // Another process notices the last loss and counts it, at most a quarter of a second later.
  const owners = () => readDatabase(world.statePath, '*')!.counters.filter(({ stage }) => stage === 'owners');
  await until('every loss to be counted', () => owners().reduce((sum, { files }) => sum + files, 0) >= 20);

  const sums = (name: string) =>
    world
      .database()!
      .counters.filter((counter) => counter.name === name)
      .reduce((sum, { files, bytes }) => ({ files: sum.files + files, bytes: sum.bytes + bytes }), {
        files: 0,
        bytes: 0,
      });
  const wanted = { stored: sums('stored'), duplicate: sums('duplicate') };
  assert.deepEqual([wanted.stored.files, wanted.duplicate.files], [23, 17]);
  const byName = (totals: Report['totals']) =>
    Object.fromEntries(totals.map(({ name, files, bytes }) => [name, { files, bytes }]));
  assert.deepEqual(byName((await queueStat(world)).totals), wanted);
  assert.deepEqual(byName((await served.snapshot()).totals), wanted);
  const { processed } = await served.json<StatsAnswer>('/stats');
  assert.deepEqual(
    [processed.stored, processed.duplicates, processed.bytes],
    [23, 17, wanted.stored.bytes + wanted.duplicate.bytes],
  );
  const files = await samplesOf(served, 'ingest_files_total');
  const bytes = await samplesOf(served, 'ingest_bytes_total');
  for (const [outcome, { files: count, bytes: size }] of Object.entries(wanted)) {
    const labels = `{feed="default",outcome="${outcome}"}`;
    assert.deepEqual([files.get(labels), bytes.get(labels)], [count, size]);
  }
  const lost = await samplesOf(served, 'ingest_processes_lost_total');
  assert.equal(lost.get('{how="lost"}'), owners().find(({ name }) => name === 'lost')?.files);
  const done = await samplesOf(served, 'ingest_stage_duration_seconds_count');
  assert.equal(done.get('{feed="default",stage="verify-complete"}'), 40, 'each file has passed it once');
  await world.stop();
  world.check();
});

test('/trace shows how far a large file was read', async (t) => {
  const world = createWorld(t, { options: { stabilitySeconds: 0, quietMs: 0 } });
  const served = await ingestServed(world);
  const size = 8 * 2 ** 30;
  const aside = join(world.root, 'large.csv');
  writeFileSync(aside, '');
  truncateSync(aside, size);
  renameSync(aside, join(world.input, 'large.csv'));
  const seen = new Set<number>();
  await until('it to be read in steps', async () => {
    const { in_flight: inFlight } = await served.json<TraceAnswer>('/trace');
    const done = inFlight.find(({ path }) => path === 'large.csv')?.bytes_done ?? null;
    if (done !== null) seen.add(done);
    return [...seen].filter((bytes) => bytes > 0 && bytes < size).length >= 3;
  });
});

test('a scrape has every kind of figure that docs/http-api.md lists, and nothing else', async (t) => {
  const world = createWorld(t);
  await withHeldFile(world);
  editDatabase(world.statePath, (db) => {
    db.exec("INSERT INTO counters VALUES ('default', 'producer', 'overflow', 3, 0)");
    db.exec("INSERT INTO gates VALUES ('default', 'move', 'pause', '', 'paused', 'by a test', 0, 0, NULL, NULL)");
  });
  const served = await dashboardAlone(world);
  const { body } = await served.ask('/metrics');
  const families = [...body.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name]) => name!);
  const documented = [
    ...readFileSync(new URL('../../../../docs/http-api.md', import.meta.url), 'utf8').matchAll(/`(ingest_\w+)`/g),
  ];
  assert.deepEqual([...new Set(documented.map(([, name]) => name))].sort(), [...families].sort());
  assert.equal((await samplesOf(served, 'ingest_inotify_overflows_total')).get('{feed="default"}'), 3);
  assert.equal(
    (await samplesOf(served, 'ingest_held_files')).get('{feed="default",stage="verify-complete",code="too_large"}'),
    1,
  );
  assert.equal(
    (await samplesOf(served, 'ingest_gate_closed')).get(
      '{feed="default",stage="move",cause="pause",place="",code="paused"}',
    ),
    1,
  );
  const files = await samplesOf(served, 'ingest_files_total');
  assert.equal(files.get('{feed="default",outcome="stored"}'), 0, 'a counter begins at 0');
  const free = await samplesOf(served, 'ingest_free_bytes');
  assert.equal(free.size, 5, 'input, work directory, manifests, warehouse, state');
  for (const bytes of free.values()) assert.ok(bytes > 0);
});
