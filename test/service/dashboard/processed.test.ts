/** Files with a chain on the page and in the API: the fault inside a file, the progress of a large one, and its outputs. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import { LARGE_BYTES_MIN } from '../../../src/ingest/health/read-so-far.js';
import type { StatsAnswer, TraceAnswer } from '../../../src/service/dashboard/answers.js';
import type { MadeFile } from '../../../src/service/dashboard/data/made.js';
import { changeChain, HEADER } from '../../world/chains.js';
import { until } from '../../world/waiting.js';
import { createWorld } from '../../world/world.js';
import { browserFor, open, seriousIn, tooWide } from './browser.js';
import { freePort, ingestServed, Served } from './served.js';

const STRICT = {
  format: 'csv',
  start: 'check',
  steps: {
    check: { header: HEADER.split(','), columns: { amount: 'number' }, next: 'route' },
    route: { use: 'split', by: 'country' },
  },
};
const LENIENT = { ...STRICT, steps: { ...STRICT.steps, check: { ...STRICT.steps.check, else: 'reject' } } };
const BROKEN = '<img src=x onerror=alert(1)>\u001b[2J';

async function flowOf(page: Page, feed: string): Promise<string[]> {
  await page.locator('#feed').selectOption(feed);
  return page.locator('#flow h3').allTextContents();
}

test('a broken line is read as text, the rule is changed, a retry stores the file with its outputs', async (t) => {
  const browser = await browserFor(t, 'a file with a broken line on the page');
  if (!browser) return;
  const world = createWorld(t, { feeds: { orders: { options: { process: STRICT } }, early: {} } });
  const port = await freePort();
  const start = async () => {
    const since = world.log.all.length;
    const program = world.start('ingest', ['--dashboard', String(port)]);
    await world.event('dashboard', undefined, { since });
    return program;
  };
  const first = await start();
  const { page, complaints } = await open(t, browser, new Served(port).url, {
    viewport: { width: 1_280, height: 1_000 },
  });
  const shown = async (selector: string) => (await page.locator(selector).allInnerTexts()).join('\n');
  const soon = (what: string, ask: () => Promise<boolean>) => until(what, ask, { everyMs: 50 });
  const { sha256 } = world.drop('in.csv', `${HEADER}\n1,DE,5\n2,FR,${BROKEN}\n3,DE,7\n`);
  await soon('it to be held', async () => (await page.locator('#held tbody tr').count()) === 1);
  const why = await shown('#findings');
  assert.match(why, /\(record_invalid\), in\.csv, line 3: /);
  assert.ok(why.includes('the record begins "2,FR,<img src=x onerror=alert(1)>'), why);
  assert.equal(await page.locator('main img').count(), 0, 'it is text');
  assert.match(await shown('#flow'), /process\s+1 file/);
  const order = ['input', 'verify-complete', 'hash', 'process', 'manifest', 'move', 'warehouse'];
  assert.deepEqual(await page.locator('#flow h3').allTextContents(), order, 'one feed of two has the stage');
  assert.deepEqual(await flowOf(page, 'early'), order.toSpliced(3, 1), 'and the other one has not');
  await flowOf(page, '*');

  changeChain(world, 'orders', LENIENT);
  await first.stop();
  await page.getByText(/Disconnected since/).waitFor();
  await start();
  await page.getByText('Live', { exact: true }).waitFor();
  await page.getByRole('button', { name: 'retry in.csv' }).click();
  await soon('it to be stored', async () => /1 stored/.test(await shown('#flow')));
  await soon('its counts', async () => (await shown('#last')).includes('stored: 3 records, 1 rejected, 2 outputs'));
  for (const sought of ['in.csv', sha256]) {
    await page.getByLabel(/Any part of a name/).fill(sought);
    await page.getByRole('button', { name: 'Search' }).click();
    await soon('its outputs', async () =>
      /DE\s+2\s.*in\.DE\.csv\s+reject\s+1\s.*in\.reject\.csv/s.test(await shown('#made')),
    );
  }
  for (const width of [360, 768, 1_280]) {
    await page.setViewportSize({ width, height: 800 });
    assert.ok((await tooWide(page)) <= 0, `${width} px`);
    assert.deepEqual(await seriousIn(page), [], `${width} px`);
  }
  await page.getByLabel(/Any part of a name/).fill('no such file');
  await page.getByRole('button', { name: 'Search' }).click();
  await soon('no outputs', async () => page.locator('#made-region').isHidden());
  await soon('the counts of the feed', async () => /3 records, 1 rejected/.test(await shown('#flow')));
  // The browser reports the connection that broke.
  assert.deepEqual(
    complaints.filter((one) => !/ERR_CONNECTION|ERR_INCOMPLETE/.test(one)),
    [],
  );
  const { made } = await new Served(port).json<{ made: MadeFile[] }>(`/files?sha256=${sha256}`);
  const record = world.manifest('orders')[0]!.record!;
  assert.deepEqual(made[0]!.outputs, record.outputs, 'the outputs of its line');
  assert.deepEqual([made[0]!.rows, made[0]!.rejected, made[0]!.columns], [3, 1, 3]);
  assert.deepEqual(
    world.manifest('orders').map(({ record }) => [record!.sha256, record!.outputs!.map(({ tag }) => tag)]),
    [[sha256, ['DE', 'reject']]],
  );
});

test('the progress of a large file, while a child takes it through its chain', async (t) => {
  const world = createWorld(t, { feeds: { orders: {} } });
  const go = join(world.root, 'go');
  const module = join(world.root, 'waits.mjs');
  writeFileSync(
    module,
    `import { existsSync } from 'node:fs';
    export default () => {
      let n = 0;
      return {
        async step(record, emit) {
          emit('all', record);
          if (++n === 100_000) while (!existsSync(${JSON.stringify(go)})) await new Promise((r) => setTimeout(r, 20));
        },
      };
    };`,
  );
  changeChain(world, 'orders', { format: 'lines', start: 'step', steps: {}, module });
  const line = `${'x'.repeat(99)}\n`;
  world.drop('large.log', line.repeat(200_000));
  const served = await ingestServed(world);
  const underWay = async () =>
    (await served.json<TraceAnswer>('/trace')).in_flight.find(({ stage }) => stage === 'process');
  const seen = await until('its progress', async () => {
    const job = await underWay();
    return (job?.bytes_done ?? 0) > 9_000_000 ? job : undefined;
  });
  assert.ok(seen.bytes >= LARGE_BYTES_MIN);
  assert.ok(seen.bytes_done! < 11_000_000, `${seen.bytes_done} bytes were read, where the chain waits at 10,000,000`);
  assert.equal(seen.in_progress, true);
  const { stages } = await served.json<StatsAnswer>('/stats');
  assert.equal(stages.find(({ stage }) => stage === 'process')!.in_progress, 1);
  writeFileSync(go, '');
  await world.stored(1);
  const { last } = await served.json<TraceAnswer>('/trace');
  const noHeader = { columns: null, header_sha256: null };
  assert.deepEqual(last[0]!.processed, { rows: 200_000, rejected: 0, outputs: 1, ...noHeader });
});
