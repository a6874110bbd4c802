/**
 * Producer and all stages in this one process, a batch of a stage at a time, until nothing is left to do: the same
 * code as the daemons', without their timers, so that the calls of a run repeat and a run takes a fraction of a second.
 * It does not wait for time: the boot clock, which the preloaded library moves, jumps to the next due time.
 * One order comes on stdin as a line of JSON. When the first batch of files is in, it prints "first" and reads a line.
 * Does not: supervise, dispatch or listen to events. Whole processes are tested in samples.
 */
import { createInterface } from 'node:readline';
import { prepareState } from '../../src/commands/state.js';
import { openState } from '../../src/ingest/ledger/open-state.js';
import { refuseLostState } from '../../src/ingest/upkeep/check-manifests.js';
import { Control } from './control.js';
import type { Order } from './order.js';
import { nextIn, SKIP_FIRST_MS, SKIP_MAX_MS, Whole } from './whole.js';
import { operate } from './whole-verbs.js';

async function obey({ config, withdraw, control: path, second }: Order, next: () => Promise<unknown>): Promise<void> {
  const control = new Control(path);
  prepareState(config.service.statePath);
  await refuseLostState(config.service.statePath, config.feeds);
  const { statePath, maxAttempts } = config.service;
  const backend = await openState({ statePath, title: 'all in one', maxAttempts, next: nextIn(config) });
  const failed = new Promise<never>((_, reject) => {
    const whole = new Whole(config, backend, control, reject);
    const run = async (): Promise<void> => {
      await whole.open();
      await whole.settle(second ? SKIP_FIRST_MS : SKIP_MAX_MS);
      if (second) {
        process.stdout.write('first\n');
        await next();
      }
      if ((await operate(whole, withdraw)) || second) await whole.settle();
      await whole.close();
      process.exit(0);
    };
    run().catch(reject);
  });
  await failed;
}

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
process.stdout.write('ready\n');
const { value, done } = await lines.next();
if (done) process.exit(0);
obey(JSON.parse(value as string) as Order, () => lines.next()).catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  process.exit((error as { exitCode?: number }).exitCode ?? 1);
});
