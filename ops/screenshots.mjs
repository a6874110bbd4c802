/**
 * The pictures of the dashboard in docs/screenshots: a real ingestor with real files, one of each kind of trouble, seen by a real
 * browser. `npm run screenshots`; takes half a minute and chromium (CHROMIUM names another than /usr/bin/chromium).
 */
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const PACKAGE = fileURLToPath(new URL('../', import.meta.url));
const PICTURES = join(PACKAGE, 'docs/screenshots');
const PACE_MS = 400;

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Nobody listens there just now. */
const freePort = () =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

async function until(what, ask) {
  for (const end = Date.now() + 30_000; Date.now() < end; await pause(100)) if (await ask()) return;
  throw new Error(`waited in vain for: ${what}`);
}

/** Orders that come one after the other, one of them twice. */
async function dropOrders(input) {
  for (let i = 1; i <= 24; i++) {
    writeFileSync(join(input, `orders-${String(i).padStart(2, '0')}.csv`), randomBytes(200_000 + i * 10_000));
    await pause(PACE_MS);
  }
  copyFileSync(join(input, '../warehouse-of-yesterday.csv'), join(input, 'sent-twice.csv'));
}

function dropTroubles(home, input) {
  for (const [name, gib] of [
    ['year.csv', 40],
    ['export.csv', 12],
  ]) {
    writeFileSync(join(home, name), '');
    truncateSync(join(home, name), gib * 2 ** 30);
    renameSync(join(home, name), join(input, name));
  }
  const open = openSync(join(input, 'never-closed.csv'), 'w');
  writeSync(open, 'begun');
  return open;
}

async function take(port) {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox'],
  });
  try {
    for (const { name, width, colorScheme } of [
      { name: 'dashboard', width: 1_280, colorScheme: 'light' },
      { name: 'dashboard-dark', width: 1_280, colorScheme: 'dark' },
      { name: 'dashboard-tablet', width: 768, colorScheme: 'light' },
      { name: 'dashboard-wide', width: 1_600, colorScheme: 'dark' },
      { name: 'dashboard-narrow', width: 360, colorScheme: 'light' },
    ]) {
      const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
      await page.goto(`http://127.0.0.1:${port}/`);
      await page.getByText('Live', { exact: true }).waitFor();
      await page.getByText('open for writing').first().waitFor();
      await page.locator('#chart-files canvas').waitFor();
      await page.screenshot({ path: join(PICTURES, `${name}.png`), fullPage: width > 400 });
      await page.close();
    }
  } finally {
    await browser.close();
  }
}

// The commands on the page are those of an installed package.
process.env.PATH = `${join(PACKAGE, 'bin')}:${process.env.PATH}`;
const home = mkdtempSync(join('/tmp', 'orders-'));
const [input, warehouse, manifests] = ['in', 'warehouse', 'manifests'].map((name) => join(home, name));
for (const folder of [input, warehouse, manifests, PICTURES]) mkdirSync(folder, { recursive: true });
const state = join(home, 'state.db');
const port = await freePort();
const folders = ['--input', input, '--warehouse', warehouse, '--manifests', manifests, '--state-path', state];
const limits = ['--stability-seconds', '1', '--quiet-ms', '100', '--max-bytes', String(20 * 2 ** 30)];
const ingest = spawn(join(PACKAGE, 'bin/ingest'), [...folders, ...limits, '--dashboard', String(port)], {
  stdio: ['ignore', 'ignore', openSync(join(home, 'log'), 'w')],
});
try {
  await until('the dashboard', () =>
    fetch(`http://127.0.0.1:${port}/healthz`)
      .then(({ ok }) => ok)
      .catch(() => false),
  );
  writeFileSync(join(home, 'warehouse-of-yesterday.csv'), 'sent before');
  copyFileSync(join(home, 'warehouse-of-yesterday.csv'), join(input, 'sent-once.csv'));
  await dropOrders(input);
  const open = dropTroubles(home, input);
  await pause(2_000);
  spawnSync(join(PACKAGE, 'bin/ingest-ctl'), ['pause', 'manifest', '--state-path', state]);
  await take(port);
  closeSync(open);
} finally {
  ingest.kill('SIGTERM');
  await new Promise((resolve) => ingest.once('exit', resolve));
  rmSync(home, { recursive: true, force: true });
}
