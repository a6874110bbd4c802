/** Names on the page open what is known of them; a search finds a file by whatever a person has of it. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import { until } from '../../world/waiting.js';
import { createWorld } from '../../world/world.js';
import { browserFor, open, seriousIn } from './browser.js';
import { dashboardAlone } from './served.js';

const FOCUSED = "document.activeElement?.id || document.activeElement?.getAttribute('href')";

async function soon(page: Page, selector: string, wanted: RegExp): Promise<string> {
  let seen = '';
  const ask = async () => {
    seen = (await page.locator(selector).allInnerTexts()).join('\n');
    return wanted.test(seen);
  };
  await until(`${selector} to say ${wanted}`, ask, { everyMs: 50, soFar: () => seen });
  return seen;
}

async function search(page: Page, words: string): Promise<void> {
  await page.getByLabel(/Any part of a name/).fill(words);
  await page.getByLabel(/Any part of a name/).press('Enter');
}

test('a name opens what is known of its file, under an address that works for others; the back button leads back', async (t) => {
  const browser = await browserFor(t, 'names that open what is known of them');
  if (!browser) return;
  const world = createWorld(t);
  for (const name of ['below/first.csv', 'below/large.csv']) world.drop(name, name.includes('large') ? 300 : 30);
  world.held.add('below/large.csv');
  await world.runOnce(['--max-bytes', '100'], { code: 4 });
  const served = await dashboardAlone(world);
  const { page, complaints } = await open(t, browser, served.url);
  const link = page.locator('#held a', { hasText: 'below/large.csv' });
  await link.focus();
  await page.keyboard.press('Enter');
  await soon(page, '#answer', /below\/large\.csv .*It is held since .*What releases it:/s);
  assert.equal(await page.evaluate(FOCUSED), 'known-title');
  assert.deepEqual(await seriousIn(page), []);
  const address = page.url();
  assert.match(address, /#file=[0-9A-Z]{26}$/);

  await page.goBack();
  await page.locator('#known').waitFor({ state: 'hidden' });
  assert.equal(await page.evaluate(FOCUSED), address.slice(address.indexOf('#')), 'the focus is on the name again');

  const other = await open(t, browser, address);
  await soon(other.page, '#answer', /below\/large\.csv .*It is held since /s);
  await other.page.getByRole('button', { name: 'Close' }).click();
  await other.page.locator('#known').waitFor({ state: 'hidden' });
  await other.page.locator('#last a', { hasText: 'first.csv' }).click();
  await soon(other.page, '#answer', /It was stored as .*first\.csv/s);
  assert.deepEqual([...complaints, ...other.complaints], []);
});

test('a search: part of a name, a path of the page, the head of a hash, a job; several are listed', async (t) => {
  const browser = await browserFor(t, 'the search of the page');
  if (!browser) return;
  const world = createWorld(t);
  const odd = 'below/a\u202eb\nc.csv';
  const { sha256 } = world.drop('below/Orders-1.csv', 10);
  world.drop('below/Orders-2.csv', 20);
  world.drop('100%_sure.csv', 30);
  world.drop(odd, 40);
  await world.runOnce();
  const served = await dashboardAlone(world);
  const { page, complaints } = await open(t, browser, served.url);
  await search(page, 'orders');
  await soon(page, '#search-said', /^2 files\.$/);
  assert.match(
    await soon(page, '#hits', /Orders-1/),
    /below\/Orders-2\.csv stored since .*below\/Orders-1\.csv stored since /s,
  );
  await page.locator('#hits a', { hasText: 'Orders-1' }).click();
  await soon(page, '#answer', /It was stored as .*Orders-1\.csv/s);
  await page.goBack();
  await soon(page, '#search-said', /^2 files\.$/);
  assert.match(page.url(), /#search=orders$/);

  const shownOdd = (await page.locator('#last a').allInnerTexts()).find((one) => one.includes('\\u202e'))!;
  const inWarehouse = world.warehouse().find(({ path }) => path.includes('Orders-1'))!.path;
  for (const [words, wanted] of [
    ['ders-1', /Orders-1\.csv/],
    [join(world.input, 'below/Orders-1.csv'), /Orders-1\.csv/],
    [join(world.feed().warehouse, inWarehouse), /Orders-1\.csv/],
    [sha256.slice(0, 8).toUpperCase(), /Orders-1\.csv/],
    [sha256, /Orders-1\.csv/],
    [world.jobs().find(({ key }) => key.includes('Orders-1'))!.id, /Orders-1\.csv/],
    ['100%_', /100%_sure\.csv/],
    [shownOdd, /a\\u202eb\\u000ac\.csv/],
  ] as const) {
    await search(page, words);
    await soon(page, '#search-said', /^1 file\.$/);
    await soon(page, '#answer', wanted);
    await page.getByRole('button', { name: 'Close' }).click();
  }
  await search(page, 'nobody-has-sent-this');
  await soon(page, '#search-said', /^No file is known by that\.$/);
  await soon(page, '#answer', /none of that name was ever seen/);
  assert.deepEqual(complaints, []);
});
