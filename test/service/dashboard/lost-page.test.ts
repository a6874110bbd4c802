/** The page without its server: unmistakable, without buttons, and back by itself. Its title and icon count what is wrong. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withHeldFile } from '../../commands/cases.js';
import { until } from '../../world/waiting.js';
import { createWorld } from '../../world/world.js';
import { browserFor, open, seriousIn } from './browser.js';
import { freePort } from './served.js';

const FOCUSED = "document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.tagName";
const ICON = "document.getElementById('icon').href";
/** Whether the icon can be drawn under the page's own rules. */
const DRAWN = `new Promise((resolve) => {
  const image = new Image();
  image.onload = () => resolve(image.naturalWidth > 0);
  image.onerror = () => resolve(false);
  image.src = ${ICON};
})`;

test('a server that stops: a banner says since when and what is tried, all buttons are off; all is back with it', async (t) => {
  const browser = await browserFor(t, 'the page without its server');
  if (!browser) return;
  const world = createWorld(t);
  await withHeldFile(world);
  const port = await freePort();
  const start = () => world.launch('ingest-dashboard', ['--dashboard', String(port), '--state-path', world.statePath]);
  const first = start();
  await world.event('dashboard');
  const { page } = await open(t, browser, `http://127.0.0.1:${port}/`);
  const retry = page.getByRole('button', { name: 'retry large.csv' });
  await retry.waitFor();
  await retry.focus();
  assert.ok(await page.locator('#lost').isHidden());
  await first.stop();

  await page
    .locator('#lost', {
      hasText:
        /Disconnected since \d\d:\d\d:\d\d UTC .*127\.0\.0\.1:\d+ does not answer; the page tries again every 2 s\./,
    })
    .waitFor();
  // Nobody starts a killed server again by itself.
  const words =
    /The figures are old \(.* UTC\)\. Buttons are off\. All goes on when the service answers; .*look whether it runs\./;
  assert.match((await page.locator('#lost').textContent())!, words);
  assert.equal(await page.title(), '(disconnected) Atomic Ingestor');
  const enabled = await page.locator('main button:enabled, main input:enabled').count();
  assert.equal(enabled, 0);
  const [ink, old] = await page.evaluate<[string, string]>(
    `['header h1', '#flow .figure'].map((one) => getComputedStyle(document.querySelector(one)).color)`,
  );
  assert.notEqual(old, ink, 'old figures are grey');
  assert.deepEqual(await seriousIn(page), []);

  const second = start();
  await page.getByText('Live', { exact: true }).waitFor();
  assert.ok(await page.locator('#lost').isHidden());
  assert.ok(await retry.isEnabled());
  assert.equal(await page.evaluate(FOCUSED), 'retry large.csv', 'the focus is where it was');
  await retry.click();
  await page.locator('#held output.done').waitFor();

  // A server that hangs closes nothing.
  const pids = [second.pid, ...second.descendants()];
  for (const pid of pids) process.kill(pid, 'SIGSTOP');
  await page.locator('#lost', { hasText: 'Disconnected since' }).waitFor();
  for (const pid of pids) process.kill(pid, 'SIGCONT');
  await page.getByText('Live', { exact: true }).waitFor();
  await until('the banner to go', () => page.locator('#lost').isHidden(), { everyMs: 50 });
});

test('title and icon count what keeps files from going on', async (t) => {
  const browser = await browserFor(t, 'title and icon of the page');
  if (!browser) return;
  const world = createWorld(t);
  await world.runOnce();
  const port = await freePort();
  world.launch('ingest-dashboard', ['--dashboard', String(port), '--state-path', world.statePath]);
  await world.event('dashboard');
  const { page, complaints } = await open(t, browser, `http://127.0.0.1:${port}/`);
  assert.equal(await page.title(), 'Atomic Ingestor');
  const calm = await page.evaluate<string>(ICON);
  await withHeldFile(world);
  await until('the title to count', async () => (await page.title()) === '(1) Atomic Ingestor', { everyMs: 50 });
  assert.notEqual(await page.evaluate<string>(ICON), calm);
  assert.ok(await page.evaluate<boolean>(DRAWN), 'the icon with its badge is drawn');
  await page.getByRole('button', { name: 'retry large.csv' }).click();
  await until('the count to go', async () => (await page.title()) === 'Atomic Ingestor', { everyMs: 50 });
  assert.equal(await page.evaluate<string>(ICON), calm);
  assert.deepEqual(complaints, []);
});
