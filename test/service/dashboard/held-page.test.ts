/** Ten thousand held files of three causes: a person needs few steps for them on the page, and the page few requests. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Locator, Page } from 'playwright-core';
import { editDatabase } from '../../world/database.js';
import { until } from '../../world/waiting.js';
import { createWorld } from '../../world/world.js';
import { browserFor, open, seriousIn, tooWide } from './browser.js';
import { CAUSES, crowdedWorld } from './crowd.js';
import { dashboardAlone } from './served.js';

const FILES = 10_000;
/** The most rows that the page may show: one page of files, a few groups. */
const ROWS_MAX = 60;
const FOCUSED = "(document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.id ?? '')";

const textOf = async (page: Page, selector: string): Promise<string> =>
  (await page.locator(selector).allInnerTexts()).join('\n');

async function soon(page: Page, selector: string, wanted: RegExp): Promise<void> {
  let seen = '';
  const ask = async () => {
    seen = await textOf(page, selector);
    return wanted.test(seen);
  };
  await until(`${selector} to say ${wanted}`, ask, { everyMs: 50, soFar: () => seen });
}

/** The row that is at this place now, wherever it is later. */
const keyed = async (page: Page, row: Locator): Promise<Locator> =>
  page.locator(`#held tbody tr[data-key="${await row.getAttribute('data-key')}"]`);

async function nextSnapshot(page: Page): Promise<void> {
  const at = () => page.evaluate<string>('document.body.dataset.at');
  const last = await at();
  await until('the next snapshot', async () => (await at()) !== last, { everyMs: 50 });
}

/** Collects path and query of each request that the page sends from now on. */
function requestsOf(page: Page): string[] {
  const asked: string[] = [];
  page.on('request', (request) => asked.push(new URL(request.url()).pathname + new URL(request.url()).search));
  return asked;
}

test('ten thousand held files are three lines, and one button retries a cause', async (t) => {
  const browser = await browserFor(t, 'the page with ten thousand held files');
  if (!browser) return;
  const world = createWorld(t);
  await crowdedWorld(world, FILES);
  const served = await dashboardAlone(world);
  const { page, complaints } = await open(t, browser, served.url);
  const groups = page.locator('#held-groups tbody tr');
  await soon(page, '#held-count', /\(10,000\)/);
  await soon(page, '#held-groups', /too_large\s+6,\d+ files in \d+ folders/);
  assert.equal(await groups.count(), CAUSES.length);
  assert.ok((await page.locator('#held-section tr').count()) <= ROWS_MAX, 'the page has few rows');
  await soon(page, '#held-range', /^10,000 files, 1 to 25$/);

  // Nothing changes, so the page gets only the next snapshots of the stream. It asks again every half minute, which may be now.
  const asked = requestsOf(page);
  for (let n = 0; n < 3; n++) await nextSnapshot(page);
  for (const one of ['held', 'errors'])
    assert.ok(asked.filter((url) => url.includes(one)).length <= 1, `${one} is not asked for with each snapshot`);

  await groups
    .filter({ hasText: 'too_large' })
    .getByRole('button', { name: /folders of too_large/ })
    .click();
  await soon(page, '#held-groups', /region-1\s+250 files/);
  assert.ok((await page.locator('#held-section tr').count()) <= ROWS_MAX);

  const poison = groups.filter({ hasText: 'poison' });
  await poison.getByRole('button', { name: /^Retry all of these/ }).focus();
  await page.keyboard.press('Enter');
  await soon(page, '#held-groups output', /3,?\d* files sent through the same stage again/);
  await soon(page, '#held-count', /\(7,0\d\d\)/);
  await soon(page, '#held-groups tr.gone', /poison[\s\S]*sent through the same stage again/);
  assert.equal(world.jobs().filter(({ hold_code: code }) => code === 'poison').length, 0);
  assert.equal(world.jobs().filter(({ state }) => state === 'held').length, FILES - 3_000);
  assert.match(await page.evaluate<string>(FOCUSED), /^Retry all of these: /, 'the focus is on the next such button');
  assert.deepEqual(complaints, []);
});

test('filters by folder and by part of a name, and the next page', async (t) => {
  const browser = await browserFor(t, 'filters of the held files');
  if (!browser) return;
  const world = createWorld(t);
  await crowdedWorld(world, 2_000);
  const served = await dashboardAlone(world);
  const { page, complaints } = await open(t, browser, served.url);
  await page.getByRole('button', { name: /folders of too_large/ }).click();
  await page.locator('#held-groups').getByRole('button', { name: 'region-1', exact: true }).click();
  await soon(page, '#held-range', /^\d+ files held for too_large in region-1/);
  for (const path of await page.locator('#held td.path').allInnerTexts()) assert.match(path, /^region-1\//);

  await page.locator('#held-all').click();
  await soon(page, '#held-range', /^2,000 files, 1 to 25$/);
  await page.locator('#held-next').click();
  await soon(page, '#held-range', /26 to 50$/);
  assert.equal(await page.locator('#held tbody tr').count(), 25);
  await page.locator('#held-before').click();
  await soon(page, '#held-range', /1 to 25$/);

  await page.locator('#held-name').fill('ORDERS-0012');
  await soon(page, '#held-range', /^10 files with "ORDERS-0012" in the name$/);
  assert.match(await textOf(page, '#held-groups'), /too_large\s+6 files in \d folders/);
  await page
    .locator('#held-groups tr', { hasText: 'too_large' })
    .getByRole('button', { name: /^Discard all/ })
    .click();
  // Another name before the list of it is there: the dialog and the act are about what was shown.
  let letGo = () => {};
  const isLetGo = new Promise<void>((resolve) => (letGo = resolve));
  await page.route('**/held?*', async (route) => {
    await isLetGo;
    await route.continue();
  });
  await page.getByRole('button', { name: 'Keep' }).click();
  await page.locator('#held-name').fill('');
  await page
    .locator('#held-groups tr', { hasText: 'too_large' })
    .getByRole('button', { name: /^Discard all/ })
    .click();
  assert.match(
    await textOf(page, '#sure-words'),
    /^6 files of feed default held for too_large with "ORDERS-0012" in the name: what is not stored yet goes/,
  );
  await page.getByRole('button', { name: 'Discard', exact: true }).click();
  await soon(page, '#held-groups output', /6 files given up/);
  assert.equal(world.jobs().filter(({ state }) => state === 'held').length, 1_994);
  letGo();
  await soon(page, '#held-range', /^1,994 files, /);

  // While the dialog is open, one more is held.
  const poison = page.locator('#held-groups tr.reason', { hasText: 'poison' });
  await poison.getByRole('button', { name: /^Discard all/ }).click();
  await soon(page, '#sure-words', /^\d+ files of feed default held for poison: /);
  editDatabase(world.statePath, (db) => db.exec("UPDATE jobs SET hold_code = 'poison' WHERE hold_code = 'EIO'"));
  await page.getByRole('button', { name: 'Discard', exact: true }).click();
  await soon(page, '#held-groups output', /\d+ files are held there now, and not \d+: none was given up\./);
  assert.equal(world.jobs().filter(({ state }) => state === 'held').length, 1_994);
  assert.deepEqual(
    complaints.filter((one) => !/409/.test(one)),
    [],
  );
});

test('files are selected on two pages; each answer stands where its button was', async (t) => {
  const browser = await browserFor(t, 'selection of held files');
  if (!browser) return;
  const world = createWorld(t);
  await crowdedWorld(world, 100);
  const served = await dashboardAlone(world);
  const { page, complaints } = await open(t, browser, served.url);
  // Each list comes after the next snapshot, so that what is drawn before it came is seen.
  await page.route('**/errors?*', async (route) => {
    await nextSnapshot(page);
    await route.continue();
  });
  await page.locator('#select-all').check();
  await soon(page, '#selection-count', /^25 files selected$/);
  await page.locator('#held-next').click();
  await soon(page, '#held-range', /26 to 50$/);
  const first = await keyed(page, page.locator('#held tbody tr').first());
  await first.getByRole('checkbox').focus();
  await page.keyboard.press('Space');
  await soon(page, '#selection-count', /^26 files selected, 25 of them on other pages$/);
  await page.locator('#discard-selected').click();
  assert.match(
    await textOf(page, '#sure-words'),
    /^26 files of feed default: what is not stored yet goes into failed\//,
  );
  await page.getByRole('button', { name: 'Keep' }).click();
  await page.locator('#retry-selected').click();
  await soon(page, '#selection output', /^26 files sent through the same stage again\.$/);
  await soon(page, '#held-count', /\(74\)/);
  assert.equal(await page.locator('#selection-count').textContent(), '');

  // The list comes after the count. A row at a place would be another one then.
  await first.waitFor({ state: 'detached' });
  const mine = await keyed(page, page.locator('#held tbody tr').nth(1));
  await mine.getByRole('button', { name: /^retry/ }).click();
  await mine.locator('output', { hasText: /^1 file sent through the same stage again\.$/ }).waitFor();
  await soon(page, '#held-count', /\(73\)/);
  await until('its buttons to go', async () => (await mine.getByRole('button').count()) === 0);
  assert.equal(await mine.locator('output').getAttribute('class'), 'done');
  assert.equal(
    (await page.evaluate('getComputedStyle(document.querySelector("#held output.done")).display')) !== 'none',
    true,
  );
  assert.match(await page.evaluate<string>(FOCUSED), /^retry /, 'the focus is on the next retry');

  // Another operator was faster: the button shows this.
  const other = await keyed(page, page.locator('#held tbody tr:not(.gone)').first());
  await page.route('**/retry', async (route) =>
    route.fulfill({ status: 503, json: { error: 'state_io', sentence: 'The state cannot be written.' } }),
  );
  await other.getByRole('button', { name: /^retry/ }).click();
  await other.locator('output.failed', { hasText: 'The state cannot be written.' }).waitFor();
  assert.ok(await other.getByRole('button', { name: /^retry/ }).isVisible(), 'it can be tried again');
  await page.unrouteAll({ behavior: 'wait' });
  assert.deepEqual(
    complaints.filter((one) => !/503/.test(one)),
    [],
  );
});

test('a list is right also where the number stays the same, and its end is in reach after others were retried', async (t) => {
  const browser = await browserFor(t, 'the list of held files while others act');
  if (!browser) return;
  const world = createWorld(t);
  await crowdedWorld(world, 75);
  const served = await dashboardAlone(world);
  const { page, complaints } = await open(t, browser, served.url);
  await soon(page, '#held-range', /^75 files, 1 to 25$/);
  const ids = world
    .jobs()
    .map(({ id }) => id)
    .sort();
  editDatabase(world.statePath, (db) =>
    db.prepare("UPDATE jobs SET key = CAST('another.csv' AS BLOB) WHERE id = ?").run(ids[0]),
  );
  await soon(page, '#held td.path', /^another\.csv$/m);

  await page.locator('#held-next').click();
  await soon(page, '#held-range', /26 to 50$/);
  await served.change('retry', { jobs: ids.slice(0, 25) });
  await soon(page, '#held-range', /^50 files/);
  await page.locator('#held-next').click();
  await until(
    'the last page',
    async () =>
      (await page.locator('#held-next').isHidden()) && page.locator(`#held tr[data-key="${ids[74]}"]`).isVisible(),
  );
  assert.deepEqual(complaints, []);
});

test('no sentence is twice on the page; axe finds nothing serious; nothing is wider than the window', async (t) => {
  const browser = await browserFor(t, 'the crowded page for everybody');
  if (!browser) return;
  const world = createWorld(t);
  await crowdedWorld(world, 300);
  await world.run('ingest-ctl', ['pause', 'move']);
  const served = await dashboardAlone(world);
  for (const width of [360, 768, 1_280, 1_600]) {
    const { page } = await open(t, browser, served.url, { viewport: { width, height: 800 } });
    await page.getByRole('button', { name: /folders of too_large/ }).click();
    await soon(page, '#held-groups', /region-0/);
    await page.locator('#select-all').check();
    assert.ok((await tooWide(page)) <= 0, `${width} px`);
    assert.deepEqual(await seriousIn(page), [], `${width} px`);
    const text = await textOf(page, 'main');
    const long = text
      .split(/\n|(?<=[.:;]) /)
      .filter((one) => one.split(' ').length >= 7 && !/^What to do|^Since/.test(one));
    const twice = long.filter((one, i) => long.indexOf(one) !== i);
    assert.deepEqual([...new Set(twice)], [], `${width} px`);
    await page.context().close();
  }
});
