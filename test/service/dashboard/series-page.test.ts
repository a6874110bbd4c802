/** The histories and figures of the page in a real browser: no data, an hour, a day, several feeds, a clock that jumps, a restart. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import { editDatabase } from '../../world/database.js';
import { until } from '../../world/waiting.js';
import { createWorld } from '../../world/world.js';
import { browserFor, open, seriousIn, tooWide } from './browser.js';
import { anOrdinaryDay, DAY_MINUTES, makePast } from './made-history.js';
import { dashboardAlone, freePort, ingestServed } from './served.js';

const textOf = async (page: Page, selector: string): Promise<string> =>
  (await page.locator(selector).allInnerTexts()).join('\n');

async function soon(page: Page, selector: string, wanted: RegExp): Promise<string> {
  let seen = '';
  const ask = async () => {
    seen = await textOf(page, selector);
    return wanted.test(seen);
  };
  await until(`${selector} to say ${wanted}`, ask, { everyMs: 50, soFar: () => seen });
  return seen;
}

const shown = (page: Page, what: string) => page.locator(`#series[data-shown="${what}"]`).waitFor();
const WIDTHS = [
  ['light', 360],
  ['dark', 768],
  ['light', 1_600],
] as const;

test('without any data the page says so, and shows no invented figure', async (t) => {
  const browser = await browserFor(t, 'the page before anything was counted');
  if (!browser) return;
  const world = createWorld(t);
  await world.runOnce();
  editDatabase(world.statePath, (db) => db.exec('DELETE FROM samples'));
  const served = await dashboardAlone(world);
  const { page, complaints } = await open(t, browser, served.url);
  await shown(page, '* 1');
  assert.match(await textOf(page, '#series-known'), /No data yet/);
  assert.equal(await textOf(page, '#chart-files-words'), 'No data yet.');
  assert.match(await textOf(page, '#now'), /Version\s+\d+\.\d+\.\d+/);
  assert.match(await textOf(page, '#now'), /Done in\s+nothing waits/);
  await page.getByText('No file has left a stage in this time.').waitFor();
  await soon(page, '#places', /(input|work).*state/s);
  assert.deepEqual(await seriousIn(page), []);
  assert.deepEqual(complaints, []);
});

test('a service at work: its version, uptime, rates and the times of its stages', async (t) => {
  const browser = await browserFor(t, 'the figures of a service at work');
  if (!browser) return;
  const world = createWorld(t);
  const served = await ingestServed(world);
  const { page, complaints } = await open(t, browser, served.url);
  for (let n = 0; n < 20; n++) world.drop(`${n}.csv`, 50_000 + n);
  await soon(page, '#flow', /20 stored/);
  await soon(page, '#now', /Up for\s+\d+[smh]/);
  await page.reload();
  await soon(page, '#times', /whole way\s+20\s/);
  await soon(page, '#chart-files-words', /most \d+(\.\d)? files\/s/);
  assert.deepEqual(complaints, []);
});

test('an hour and a day: curves, ages by stage and the table; nothing serious for axe, nothing too wide', async (t) => {
  const browser = await browserFor(t, 'the histories of the page');
  if (!browser) return;
  const world = createWorld(t);
  world.drop('a.csv', 100);
  await world.runOnce();
  const served = await dashboardAlone(world);
  for (const [colorScheme, width] of WIDTHS) {
    // It ends now: each page takes its time.
    makePast(world.statePath, { feeds: ['default'], minutes: DAY_MINUTES, at: anOrdinaryDay });
    const { page, complaints } = await open(t, browser, served.url, { colorScheme, viewport: { width, height: 800 } });
    await shown(page, '* 1');
    assert.equal(await page.locator('#ages svg.strip').first().locator('rect').count(), 60);
    await page.getByRole('radio', { name: 'last day' }).check();
    await shown(page, '* 24');
    assert.equal(await page.locator('#ages svg.strip').first().locator('rect').count(), 144);
    assert.match(await textOf(page, '#ages'), /hash\s+\d+s in the last ten minutes; oldest [23]h/);
    assert.match(await textOf(page, '#chart-backlog-words'), /most 3 files/);
    assert.match(await textOf(page, '#times'), /hash\s+[\d,]+\s+3\.1 s\s+4\.0 s/);
    await page.getByText('The history as a table').click();
    assert.equal(await page.locator('#series-rows tbody tr').count(), 12);
    assert.match(await textOf(page, '#series-rows tbody tr:first-child'), /UTC\s+\d+(\.\d)?\s+\d/);
    assert.ok((await tooWide(page)) <= 0, `${width} px: the page is too wide`);
    assert.deepEqual(await seriousIn(page), [], `${colorScheme}, ${width} px`);
    assert.deepEqual(complaints, []);
    await page.context().close();
  }
});

test('only the chosen one of several feeds is shown, by keyboard too', async (t) => {
  const browser = await browserFor(t, 'the history of one of several feeds');
  if (!browser) return;
  const world = createWorld(t);
  world.drop('a.csv', 100);
  await world.runOnce();
  makePast(world.statePath, {
    feeds: ['default', 'orders', 'parts'],
    minutes: 120,
    at: () => ({ files: 60, hashAge: 0 }),
  });
  const served = await dashboardAlone(world);
  const { page, complaints } = await open(t, browser, served.url);
  await shown(page, '* 1');
  await soon(page, '#chart-files-words', /most 3(\.\d)? files\/s/);
  await page.locator('#feed').selectOption('orders');
  await shown(page, 'orders 1');
  await soon(page, '#chart-files-words', /most 1(\.\d)? files\/s/);
  await page.getByRole('radio', { name: 'last hour' }).focus();
  await page.keyboard.press('ArrowRight');
  await shown(page, 'orders 24');
  assert.deepEqual(complaints, []);
});

test('a clock that was set back, and one that was set forward, break no history', async (t) => {
  const browser = await browserFor(t, 'the history after a jump of the clock');
  if (!browser) return;
  const world = createWorld(t);
  world.drop('a.csv', 100);
  await world.runOnce();
  makePast(world.statePath, { feeds: ['default'], minutes: 180, at: () => ({ files: 6, hashAge: 30 }) });
  const shift = (ms: number) =>
    editDatabase(world.statePath, (db) => {
      // Times become negative first, so that no two rows ever have the same time.
      db.prepare('UPDATE samples SET at_ms = -at_ms - ?').run(ms);
      db.exec('UPDATE samples SET at_ms = -at_ms');
    });
  // Simulates a clock that was an hour ahead while the samples were written, and was corrected since.
  shift(3_600_000);
  const served = await dashboardAlone(world);
  const { page, complaints } = await open(t, browser, served.url);
  await shown(page, '* 1');
  // Samples from the time when the clock was ahead count for the moment of its correction.
  assert.match(await textOf(page, '#chart-files-words'), /most \d files\/s, at/);
  world.drop('b.csv', 200);
  await world.runOnce();
  // Simulates a clock that was two days slow: all samples are old.
  shift(-48 * 3_600_000);
  await page.reload();
  await page.getByRole('radio', { name: 'last day' }).check();
  await shown(page, '* 24');
  assert.match(await textOf(page, '#chart-files-words'), /^0 files\/s all the time\.$/);
  assert.deepEqual(complaints, []);
});

test('the history is there after a restart of the server, on the page that stayed open', async (t) => {
  const browser = await browserFor(t, 'the history after a restart of the server');
  if (!browser) return;
  const world = createWorld(t);
  world.drop('a.csv', 100);
  await world.runOnce();
  makePast(world.statePath, { feeds: ['default'], minutes: DAY_MINUTES, at: anOrdinaryDay });
  const port = await freePort();
  const start = () => world.launch('ingest-dashboard', ['--dashboard', String(port), '--state-path', world.statePath]);
  const first = start();
  await world.event('dashboard');
  const { page } = await open(t, browser, `http://127.0.0.1:${port}/`);
  await page.getByRole('radio', { name: 'last day' }).check();
  await shown(page, '* 24');
  const before = await textOf(page, '#ages');
  await first.stop();
  await page.getByText(/Disconnected since/).waitFor();
  start();
  await page.getByText('Live', { exact: true }).waitFor();
  await page.reload();
  await shown(page, '* 1');
  await page.getByRole('radio', { name: 'last day' }).check();
  await shown(page, '* 24');
  const words = (text: string) => text.match(/oldest \S+/)?.[0];
  assert.equal(words(await textOf(page, '#ages')), words(before));
});
