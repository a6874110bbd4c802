/** Groups of held files and the search through the history: what they answer, and how much each step reads. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { QueueView } from '../../../queue/index.js';
import type { FeedOptions } from '../../../src/base/config/options.js';
import { openStateView } from '../../../src/ingest/ledger/open-state.js';
import { HeldGroups } from '../../../src/service/dashboard/held/groups.js';
import { hitsOf } from '../../../src/service/dashboard/search/hits.js';
import { createWorld } from '../../world/world.js';
import { crowdedWorld, FOLDERS } from './crowd.js';
import { dashboardAlone } from './served.js';

test('ten thousand held files are counted in bounded reads, once for all who ask together', async (t) => {
  const world = createWorld(t);
  await crowdedWorld(world, 10_000);
  const view = await openStateView(world.statePath);
  t.after(() => view.close());
  const limitsAsked: number[] = [];
  let rows = 0;
  const counting: Pick<QueueView, 'heldKeys'> = {
    heldKeys: (filter) => {
      limitsAsked.push(filter.limit);
      const keys = view.heldKeys(filter);
      rows += keys.length;
      return keys;
    },
  };
  const groups = new HeldGroups(counting);
  const answers = await Promise.all(Array.from({ length: 20 }, () => groups.answer({}, 5)));
  assert.equal(rows, 10_000, 'read once');
  assert.ok(limitsAsked.every((limit) => limit <= 2_000));
  const { files, reasons, folders, folders_found: found } = answers[0]!;
  assert.deepEqual(
    [files, reasons.map(({ code, files: count }) => [code, count]), folders.length, found],
    [
      10_000,
      [
        ['too_large', 6_000],
        ['poison', 3_000],
        ['EIO', 1_000],
      ],
      5,
      FOLDERS + 1,
    ],
  );
  assert.equal(
    reasons.reduce((sum, one) => sum + one.folders, 0),
    found,
  );
  const one = await groups.answer({ code: 'EIO', folder: 'region-9', name: 'ORDERS-0' }, 5);
  assert.deepEqual([one.files, one.folders.map(({ folder }) => folder)], [250, ['region-9']]);
  assert.equal((await groups.answer({ folder: '.' }, 5)).files, 1, 'the input itself');
});

test('/errors goes through a folder page by page, and a change acts on exactly that', async (t) => {
  const world = createWorld(t);
  await crowdedWorld(world, 1_000);
  const served = await dashboardAlone(world);
  const ids: string[] = [];
  for (let after = ''; ; ) {
    const query = `folder=region-3&code=too_large&limit=7${after}`;
    const { held, next } = await served.json<{ held: { id: string; path: string }[]; next: string | null }>(
      `/errors?${query}`,
    );
    assert.ok(held.every(({ path }) => path.startsWith('region-3/')));
    ids.push(...held.map(({ id }) => id));
    if (next === null) break;
    after = `&after=${next}`;
  }
  const { files } = await served.json<{ files: number }>('/held?folder=region-3&code=too_large');
  assert.deepEqual([ids.length, new Set(ids).size], [files, files]);
  const { body } = await served.change('retry', { all: true, folder: 'region-3', code: 'too_large' });
  assert.equal(JSON.parse(body).files, files);
  assert.equal(world.jobs().filter(({ state }) => state === 'held').length, 1_000 - files);
  const seen = { all: true, folder: 'region-4', code: 'too_large' };
  const more = await served.json<{ files: number }>('/held?folder=region-4&code=too_large');
  const answer = await served.change('discard', { ...seen, files: more.files - 1 });
  assert.deepEqual([answer.status, JSON.parse(answer.body).error], [409, 'more_held']);
  assert.equal((await served.json<{ files: number }>('/held?folder=region-4&code=too_large')).files, more.files);
  assert.equal(JSON.parse((await served.change('discard', { ...seen, files: more.files })).body).files, more.files);
  for (const refused of [
    { all: true, files: 1 },
    { all: true, folder: '' },
    { all: true, folder: 1 },
    { jobs: ids.slice(0, 1), folder: 'region-3' },
  ])
    assert.equal((await served.change('retry', refused)).status, 400, JSON.stringify(refused));
});

test('a search ends when its time is over, and says so; each read goes through a bounded number of rows', async (t) => {
  const world = createWorld(t);
  await crowdedWorld(world, 50_000);
  const view = await openStateView(world.statePath);
  t.after(() => view.close());
  const feeds = view.feeds().map(({ options }) => options as unknown as FeedOptions);
  const whole = hitsOf(view, feeds, 'large.csv', { limit: 10, scanMs: 60_000 });
  assert.deepEqual(
    [whole.hits.map(({ path }) => path), whole.more, whole.stopped_after_seconds],
    [['large.csv'], false, null],
  );

  let reads = 0;
  const counting = new Proxy(view, {
    get: (target, key) => {
      if (key === 'read') reads++;
      const value = Reflect.get(target, key) as unknown;
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  let nowMs = 0;
  const now = () => (nowMs += 1_000);
  const cut = hitsOf(counting, feeds, 'no such part', { limit: 10, scanMs: 2_000, now });
  assert.deepEqual([cut.hits, cut.stopped_after_seconds], [[], 2]);
  assert.ok(reads <= 6, `${reads} reads after its time was over`);

  const many = hitsOf(view, feeds, 'orders-', { limit: 10, scanMs: 60_000 });
  assert.deepEqual([many.hits.length, many.more, many.stopped_after_seconds], [10, true, null]);
  assert.deepEqual(hitsOf(view, feeds, '%', { limit: 10, scanMs: 60_000 }).hits, [], 'a wildcard is a character');
});
