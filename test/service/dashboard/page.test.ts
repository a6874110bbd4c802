/** The page in a real browser: live, usable, harmless, whatever files are called. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import { until } from '../../world/waiting.js';
import { createWorld, type World } from '../../world/world.js';
import { browserFor, open, seriousIn, tooWide } from './browser.js';
import { dashboardAlone, freePort, ingestServed } from './served.js';

/** What is asked in the page, where `document` is. */
const FOCUSED = "document.activeElement?.id || document.activeElement?.textContent || ''";
const LOOKED_AT = 'document.body.dataset.at';

/** As it is seen. */
const textOf = async (page: Page, selector: string): Promise<string> =>
  (await page.locator(selector).allInnerTexts()).join('\n');
const soon = (what: string, ask: () => Promise<boolean>) => until(what, ask, { everyMs: 50 });

test('from drop to stored, seen live without a reload', async (t) => {
  const browser = await browserFor(t, 'the walk of a file on the page');
  if (!browser) return;
  const world = createWorld(t, { options: { stabilitySeconds: 10 } });
  const served = await ingestServed(world);
  const { page, complaints } = await open(t, browser, served.url);
  // The dashboard may be at work before the others are.
  await soon('nothing to be wrong', async () => /Nothing is wrong/.test(await textOf(page, '#wrong-summary')));
  assert.match(await textOf(page, '#flow'), /0 stored/);
  const { sha256 } = world.drop('orders.csv', 5_000);
  await soon('the file to wait', async () => /1 unprocessed/.test(await textOf(page, '#flow')));
  await soon('the file to be stored', async () => /1 stored/.test(await textOf(page, '#flow')));
  await soon('it among the last', async () => /orders\.csv\s+stored/.test(await textOf(page, '#last')));
  for (const sought of ['orders.csv', join(world.input, 'orders.csv'), sha256]) {
    await page.getByLabel(/Any part of a name/).fill(sought);
    await page.getByRole('button', { name: 'Search' }).click();
    await soon('the answer', async () => /It was stored as .*orders\.csv/.test(await textOf(page, '#answer')));
  }
  assert.deepEqual(complaints, []);
});

test('a poison file: held, its reason read, retried after the repair, stored', async (t) => {
  const browser = await browserFor(t, 'retry and discard on the page');
  if (!browser) return;
  const world = createWorld(t);
  const names = ['large.csv', 'larger.csv'];
  for (const name of names) world.drop(name, 300);
  await world.runOnce(['--max-bytes', '100'], { code: 4 });
  const served = await ingestServed(world, ['--max-bytes', '1000000']);
  const { page, complaints } = await open(t, browser, served.url);
  await soon('both to be held', async () => (await page.locator('#held tbody tr').count()) === 2);
  assert.match(await textOf(page, '#wrong-summary'), /1 thing keeps files/);
  assert.match(
    await textOf(page, '#findings'),
    /2 files are held in verify-complete of default \(too_large\).*: the file has 300 bytes, and --max-bytes is 100 bytes\./,
  );
  const row = page.locator('#held tbody tr', { hasText: 'large.csv' }).first();
  assert.match((await row.allInnerTexts()).join(), /too_large in verify-complete/);
  await row.getByRole('button', { name: /^retry/i }).click();
  await soon('it to be stored', async () => /1 stored/.test(await textOf(page, '#flow')));

  await soon('one to be left', async () => (await page.locator('#held tbody tr:not(.gone)').count()) === 1);
  const last = page.locator('#held tbody tr:not(.gone)').first();
  await last.getByRole('button', { name: /^discard/i }).click();
  assert.match(
    await textOf(page, '#sure-words'),
    /^larger?\.csv of feed default: what is not stored yet goes into failed\//,
  );
  await page.getByRole('button', { name: 'Keep' }).click();
  assert.equal(await page.locator('#held tbody tr:not(.gone)').count(), 1, 'nothing is given up without being sure');
  await last.getByRole('button', { name: /^discard/i }).click();
  await page.getByRole('button', { name: 'Discard', exact: true }).click();
  await soon('it to be given up', async () => /1 discarded/.test(await textOf(page, '#flow')));
  assert.deepEqual(complaints, []);
});

test('pause and resume of a stage', async (t) => {
  const browser = await browserFor(t, 'pause and resume on the page');
  if (!browser) return;
  const world = createWorld(t);
  const served = await ingestServed(world);
  const { page, complaints } = await open(t, browser, served.url);
  await page.locator('#flow').getByRole('button', { name: 'Pause hash' }).click();
  await page.getByLabel('Why').fill('the disk is changed');
  await page.getByLabel('It opens').selectOption('2h');
  await page.getByLabel('Why').press('Enter');
  await page.locator('#flow').getByRole('button', { name: 'Resume hash' }).waitFor();
  world.drop('waits.csv', 100);
  await soon('the file to wait', async () =>
    /hash of every feed is paused \(by the dashboard, for .*: the disk is changed, until 2.*Z\); 1 file waits/s.test(
      await textOf(page, '#findings'),
    ),
  );
  await page.locator('#flow').getByRole('button', { name: 'Resume hash' }).focus();
  await page.keyboard.press('Enter');
  await soon('the file to be stored', async () => /1 stored/.test(await textOf(page, '#flow')));
  assert.match(await textOf(page, '#wrong-summary'), /Nothing is wrong/);
  assert.deepEqual(complaints, []);
});

test('names are shown as text, and none turns the page round', async (t) => {
  const browser = await browserFor(t, 'strange names on the page');
  if (!browser) return;
  const world = createWorld(t);
  const names = [
    '<img src=x onerror=alert(1)>.csv',
    '</td><script>alert(2)</script>.csv',
    'txt.\u202evsc.exe',
    'two\nlines',
  ];
  for (const name of names) {
    world.drop(name, 300);
    world.held.add(name);
  }
  await world.runOnce(['--max-bytes', '100'], { code: 4 });
  const served = await dashboardAlone(world);
  const { page, complaints } = await open(t, browser, served.url);
  await soon('all to be held', async () => (await page.locator('#held tbody tr').count()) === 4);
  const shown = await page.locator('#held td.path').allInnerTexts();
  const escaped = [
    '<img src=x onerror=alert(1)>.csv',
    '</td><script>alert(2)</script>.csv',
    'txt.\\u202evsc.exe',
    'two\\u000alines',
  ];
  assert.deepEqual(shown.sort(), escaped.sort());
  assert.equal(await page.locator('main img, main script').count(), 0);
  assert.deepEqual(complaints, []);
});

test('a server that stops and comes back: the page says so, and goes on by itself', async (t) => {
  const browser = await browserFor(t, 'the page without its server');
  if (!browser) return;
  const world = createWorld(t);
  world.drop('a.csv', 100);
  await world.runOnce();
  const port = await freePort();
  const start = () => world.launch('ingest-dashboard', ['--dashboard', String(port), '--state-path', world.statePath]);
  const first = start();
  await world.event('dashboard');
  const { page } = await open(t, browser, `http://127.0.0.1:${port}/`);
  await first.stop();
  await page.getByText(/Disconnected since/).waitFor();
  world.drop('b.csv', 200);
  await world.runOnce();
  start();
  await page.getByText('Live', { exact: true }).waitFor();
  await soon('the new figures', async () => /2 stored/.test(await textOf(page, '#flow')));
});

/** Held, paused, failing, stored: every part of the page has something to show. */
async function busyWorld(world: World): Promise<void> {
  for (let i = 0; i < 60; i++) {
    world.drop(`a name that is rather long/and goes on below/${'x'.repeat(60)} ${i}.csv`, 300);
  }
  for (let i = 0; i < 5; i++) world.drop(`small ${i % 4}.csv`, `content ${i % 2}`);
  await world.runOnce(['--max-bytes', '100'], { code: 4 });
  await world.run('ingest-ctl', ['pause', 'move']);
}

test('axe-core finds nothing serious, light and dark, wide and narrow; nothing is wider than the screen', async (t) => {
  const browser = await browserFor(t, 'the page for people who see, hear or type otherwise');
  if (!browser) return;
  const world = createWorld(t);
  await busyWorld(world);
  const served = await dashboardAlone(world);
  for (const [colorScheme, width] of [
    ['light', 360],
    ['dark', 768],
    ['light', 1_600],
    ['dark', 360],
  ] as const) {
    const { page, complaints } = await open(t, browser, served.url, { colorScheme, viewport: { width, height: 800 } });
    await soon('the held', async () => (await page.locator('#held tbody tr').count()) === 25);
    const wide = await tooWide(page);
    assert.ok(wide <= 0, `${width} px: the page is ${wide} px too wide`);
    assert.deepEqual(await seriousIn(page), [], `${colorScheme}, ${width} px`);
    assert.deepEqual(complaints, []);
    await page.context().close();
  }
});

test('every act can be done by keyboard, and the focus stays while the figures change', async (t) => {
  const browser = await browserFor(t, 'the page by keyboard');
  if (!browser) return;
  const world = createWorld(t);
  await busyWorld(world);
  const served = await dashboardAlone(world);
  const { page } = await open(t, browser, served.url);
  await soon('the held', async () => (await page.locator('#held tbody tr').count()) === 25);
  const reached = new Set<string>();
  const focused = () => page.evaluate<string>(FOCUSED);
  for (let i = 0; i < 140; i++) {
    await page.keyboard.press('Tab');
    reached.add(await focused());
  }
  for (const control of [
    'sought',
    'Search',
    'Pause…',
    'Resume',
    'held-name',
    'too_large',
    'Retry all of these',
    'select-all',
    'Retry',
    'held-next',
  ])
    assert.ok(reached.has(control), `${control} was not reached`);
  await page.locator('#sought').focus();
  const before = await page.evaluate<string>(LOOKED_AT);
  await soon('another look', async () => (await page.evaluate<string>(LOOKED_AT)) !== before);
  assert.equal(await focused(), 'sought');
  await page.locator('#held-next').focus();
  for (const range of ['26 to 50', '51 to 60']) {
    await page.keyboard.press('Enter');
    await soon(range, async () => (await textOf(page, '#held-range')).includes(range));
  }
  assert.equal(await page.locator('#held tbody tr').count(), 10);
});

test('a state without anything in it says what to do', async (t) => {
  const browser = await browserFor(t, 'the empty page');
  if (!browser) return;
  const world = createWorld(t);
  await world.runOnce();
  const served = await dashboardAlone(world);
  const { page, complaints } = await open(t, browser, served.url);
  for (const words of ['Nothing is held.', 'Nothing is in progress.', 'Nothing has ended yet.'])
    await page.getByText(words).waitFor();
  await page.getByText('No process is at work on this state, and nothing waits.').waitFor();
  assert.deepEqual(await seriousIn(page), []);
  assert.deepEqual(complaints, []);
});
