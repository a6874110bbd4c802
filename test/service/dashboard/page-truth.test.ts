/** The page shows the truth: ages grow, counts are of files in progress, and buttons do what they say. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import { withHeldFile } from '../../commands/cases.js';
import { editDatabase } from '../../world/database.js';
import { until } from '../../world/waiting.js';
import { createWorld } from '../../world/world.js';
import { browserFor, open } from './browser.js';
import { dashboardAlone, ingestServed } from './served.js';

const textOf = async (page: Page, selector: string): Promise<string> =>
  (await page.locator(selector).allInnerTexts()).join('\n');

/** Waits until the text of the page matches. Returns the text. */
async function soon(page: Page, selector: string, wanted: RegExp): Promise<string> {
  let seen = '';
  const ask = async () => {
    seen = await textOf(page, selector);
    return wanted.test(seen);
  };
  await until(`${selector} to say ${wanted}`, ask, { everyMs: 50, soFar: () => seen });
  return seen;
}

test('one of many claimed files of a process is in progress, and its age grows', async (t) => {
  const browser = await browserFor(t, 'files in progress on the page');
  if (!browser) return;
  const world = createWorld(t);
  const slow = ['--concurrency', '1', '--max-bytes-per-second', '20000'];
  const served = await ingestServed(world, slow);
  const { page, complaints } = await open(t, browser, served.url);
  // Five seconds each: a page that is late under load sees the age of one file change more than once.
  for (let n = 0; n < 60; n++) world.drop(`small ${n}.csv`, 100_000);
  // One process works on one file at a time; its other files are claimed and wait.
  const flow = await soon(page, '#flow', /\b1 in progress, \d+ claimed/);
  assert.doesNotMatch(flow, /[02-9] in progress|\d\d in progress/);
  const ages = new Map<string, Set<string>>();
  await until('the age of one file to run', async () => {
    for (const text of await page.locator('#moving tbody tr').allInnerTexts()) {
      const [path = '', age = ''] = [text.split('\t')[0], text.split('\t').at(-1)];
      ages.set(path, (ages.get(path) ?? new Set()).add(age));
    }
    return [...ages.values()].some(({ size }) => size >= 3);
  });
  assert.deepEqual(complaints, []);
});

test('Resume opens the pause that closes its stage: a pause of all feeds, or of one feed in the view of all feeds', async (t) => {
  const browser = await browserFor(t, 'the Resume buttons of the page');
  if (!browser) return;
  const world = createWorld(t, { feeds: { orders: {}, clicks: {} } });
  await world.runOnce();
  const served = await dashboardAlone(world);
  const { page, complaints } = await open(t, browser, served.url);
  const gates = async () => (await served.snapshot()).gates.map(({ feed, stage }) => `${stage} ${feed}`).sort();
  const ctl = (...args: string[]) => world.run('ingest-ctl', ['pause', ...args]);

  await ctl();
  await page.locator('#flow').getByRole('button', { name: 'Resume all stages' }).first().click();
  await soon(page, '#flow output', /^Every stage of every feed is open again\.$/m);
  assert.deepEqual(await gates(), []);

  await ctl('hash', '--feed', 'orders');
  await soon(page, '#flow', /paused in orders/);
  assert.equal(await page.locator('#flow li.notice').count(), 1, 'a pause for which no file waits is not stuck');
  assert.equal(await page.locator('#flow li.stuck').count(), 0);
  await page.locator('#flow').getByRole('button', { name: 'Resume hash' }).click();
  await soon(page, '#flow output', /^Hash of orders is open again\.$/m);
  assert.deepEqual(await gates(), []);

  for (const feed of ['orders', 'clicks']) await ctl('hash', '--feed', feed);
  await soon(page, '#flow', /paused in 2 feeds, one is clicks/);
  await page.locator('#flow').getByRole('button', { name: 'Resume hash' }).click();
  await soon(page, '#flow output', /^Hash of clicks is open again\. Hash of orders is open again\.$/m);
  assert.deepEqual(await gates(), []);

  // A pause that the cell does not show stays.
  await ctl('--feed', 'orders');
  await ctl('move', '--feed', 'clicks');
  await soon(page, '#flow', /paused with every stage in orders/);
  await soon(page, '#findings', /Resume move of clicks/);
  await page.locator('#flow').getByRole('button', { name: 'Resume all stages' }).first().click();
  await soon(page, '#flow output', /^Every stage of orders is open again\.$/m);
  assert.deepEqual(await gates(), ['move clicks']);
  await page.locator('#findings').getByRole('button', { name: 'Resume move of clicks' }).click();
  await soon(page, '#findings output', /^Move of clicks is open again\.$/m);
  assert.deepEqual(await gates(), []);

  // A press stops a stage only after a question, which names the feeds.
  await page.locator('#flow').getByRole('button', { name: 'Pause hash' }).click();
  assert.match(
    await textOf(page, '#sure'),
    /^Pause hash of every feed\?\s+No file of \w+, \w+ goes through hash meanwhile/,
  );
  await page.getByRole('button', { name: 'Leave it open' }).click();
  assert.deepEqual(await gates(), []);
  await page.locator('#flow').getByRole('button', { name: 'Pause hash' }).click();
  await page.getByRole('button', { name: 'Pause', exact: true }).click();
  await soon(page, '#flow output', /^Hash of every feed is paused by the dashboard, for \S+\.$/m);
  await page.locator('#flow').getByRole('button', { name: 'Resume hash' }).click();
  await soon(page, '#flow output', /^Hash of every feed is open again\.$/m);

  // In the view of one feed, the pause of all feeds closes the stage. The pause of the other feed stays.
  await ctl('hash');
  await ctl('move', '--feed', 'clicks');
  await page.locator('#feed').selectOption('orders');
  await soon(page, '#flow', /paused for every feed.*Resume for every feed/s);
  await page.locator('#flow').getByRole('button', { name: 'Resume hash for every feed' }).click();
  await soon(page, '#flow output', /^Hash of every feed is open again\.$/m);
  await page.locator('#flow').getByRole('button', { name: 'Pause move' }).click();
  assert.match(await textOf(page, '#sure'), /^Pause move of feed orders\?/);
  await page.getByRole('button', { name: 'Pause', exact: true }).click();
  await page.locator('#flow').getByRole('button', { name: 'Resume move', exact: true }).click();
  await soon(page, '#flow output', /^Move of orders is open again\.$/m);
  assert.deepEqual(await gates(), ['move clicks']);
  assert.deepEqual(complaints, []);
});

test('a killed service is stuck: the page shows since when and the remedy, and knows nothing new of the input', async (t) => {
  const browser = await browserFor(t, 'a killed service on the page');
  if (!browser) return;
  const world = createWorld(t);
  const service = world.start('ingest');
  world.drop('before.csv', 10);
  await world.stored(1);
  const served = await dashboardAlone(world);
  const { page, complaints } = await open(t, browser, served.url);
  await soon(page, '#wrong-summary', /^Nothing is wrong\.$/);
  assert.doesNotMatch(await textOf(page, '#flow'), /not noticed/);
  service.killAll();
  world.drop('late.csv', 20);
  const said = await soon(page, '#findings', /Stuck: No process is at work on this state: the service died/);
  assert.match(said, /What to do: start it again .*systemctl start .*journalctl .*Since 20\d\d-/s);
  assert.match(await textOf(page, '#flow'), /0 unprocessed\s+0 B\s+new ones are not noticed/);
  assert.deepEqual(complaints, []);
});

test('search finds a held file by its name, and curve and flow agree about an old burst', async (t) => {
  const browser = await browserFor(t, 'search and curve of the page');
  if (!browser) return;
  const world = createWorld(t);
  for (let n = 0; n < 20; n++) world.drop(`${n}.csv`, 50 + n);
  await withHeldFile(world, 'below/deep/large.csv');
  editDatabase(world.statePath, (db) =>
    db.exec('UPDATE history SET at_ms = at_ms - 600000; UPDATE samples SET at_ms = at_ms - 600000'),
  );
  const served = await dashboardAlone(world);
  const { page, complaints } = await open(t, browser, served.url);
  await page.getByLabel(/Any part of a name/).fill('large.csv');
  await page.getByRole('button', { name: 'Search' }).click();
  await soon(page, '#answer', /below\/deep\/large\.csv .*It is held since .*too_large/s);
  await soon(page, '#chart-files-words', /^0 files\/s in the last minute; most 0\.\d+ files\/s, at \d\d:\d\d UTC\.$/);
  assert.match(await textOf(page, '#flow'), /20 stored[\s\S]*0\.0 files\/s/);
  assert.deepEqual(complaints, []);
});
