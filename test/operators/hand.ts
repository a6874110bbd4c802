/**
 * The operator's process: it runs the product's commands, one order (a line of JSON) after the other, by the same functions that
 * bin/ launches. `ingest --once` is its own code without its timers and processes (test/crash/whole.ts).
 * Does not: survive an injected death: the preloaded library kills it at a call.
 */
import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { configOf } from '../../src/base/config/load.js';
import type { Config } from '../../src/base/config/options.js';
import { askedFor } from '../../src/commands/ask.js';
import { runCommand } from '../../src/commands/console.js';
import { ingestCtl } from '../../src/commands/ingest-ctl.js';
import { queueStat } from '../../src/commands/queue-stat.js';
import { prepareStateFor } from '../../src/commands/state.js';
import { FeedFiles } from '../../src/ingest/files/feed-files.js';
import { openState } from '../../src/ingest/ledger/open-state.js';
import { Periods } from '../../src/ingest/periods/close.js';
import { setUpRoots } from '../../src/ingest/upkeep/roots.js';
import { Control } from '../crash/control.js';
import { nextIn, Whole } from '../crash/whole.js';
import { tell } from '../crash/whole-reap.js';
import { END, type Order } from './order.js';

const control = new Control(process.env.CRASH_CONTROL!);

const COMMANDS = { ingest: once, 'ingest-ctl': ingestCtl, 'queue-stat': queueStat };

async function once(args: readonly string[]): Promise<number> {
  const config = configOf(askedFor('ingest', args, {})!, {});
  const { statePath, maxAttempts } = config.service;
  await prepareStateFor(config.feeds, statePath);
  const backend = await openState({ statePath, title: 'all in one', maxAttempts, next: nextIn(config) });
  let failed: unknown;
  const whole = new Whole(config, backend, control, (error) => {
    failed ??= error;
  });
  try {
    await whole.open();
    await whole.settle();
    await closePeriods(config, backend);
  } catch (error) {
    await whole.close({ reaps: false });
    throw error;
  }
  await whole.close();
  if (failed) throw failed;
  return 0;
}

/** The same work as the background of a worker. */
async function closePeriods({ feeds, service }: Config, backend: Awaited<ReturnType<typeof openState>>): Promise<void> {
  for (const feed of feeds) {
    const files = new FeedFiles(await setUpRoots(backend, service.statePath, feed, tell));
    try {
      await new Periods().close({ backend, emit: tell, files, hand: () => {} }, feed, () => false);
    } finally {
      files.close();
    }
  }
}

process.stdout.write('ready\n');
for await (const line of createInterface({ input: process.stdin })) {
  const { command, args } = JSON.parse(line) as Order;
  process.exitCode = undefined;
  await runCommand(command, () => COMMANDS[command](args));
  writeSync(2, END);
  writeSync(1, `${END}${process.exitCode ?? 0}\n`);
}
process.exit(0);
