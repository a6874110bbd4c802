/** A real browser: Debian's chromium, driven by playwright-core. */

import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, type TestContext } from 'node:test';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { DEADLINE_MS } from '../../world/waiting.js';

const PATHS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

let launched: Promise<Browser> | undefined;
after(async () => (await launched)?.close());

/** One browser for all tests of a file. Without an installed browser it skips the test and returns undefined. */
export async function browserFor(t: TestContext, notTested: string): Promise<Browser | undefined> {
  const executablePath = process.env.CHROMIUM ?? PATHS.find((path) => existsSync(path));
  if (executablePath === undefined) {
    t.skip(`chromium is not installed; not tested: ${notTested}`);
    return undefined;
  }
  // Its own sandbox needs namespaces that containers and root do not give it; only our own pages are opened.
  launched ??= chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
  return launched;
}

export interface Opened {
  page: Page;
  /** Errors of scripts, refusals by the CSP, dialogs: there must be none. */
  complaints: string[];
}

/** Opens the page, for as long as the test runs, and waits for its first figures. */
export async function open(
  t: TestContext,
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<Opened> {
  const context = await browser.newContext(options);
  context.setDefaultTimeout(DEADLINE_MS);
  t.after(() => context.close());
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  page.on('dialog', (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  await page.goto(url);
  await page.getByText('Live', { exact: true }).waitFor();
  return { page, complaints };
}

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

interface Found {
  violations: { id: string; impact: string; nodes: unknown[] }[];
}

/** The findings of axe-core that are serious or worse. */
export async function seriousIn(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  const { violations } = await page.evaluate<Found>('axe.run()');
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${JSON.stringify(nodes).slice(0, 300)}`);
}

/** Pixels of the page beyond the window. */
export const tooWide = (page: Page): Promise<number> =>
  page.evaluate<number>('document.documentElement.scrollWidth - document.documentElement.clientWidth');
