/**
 * Helpers of the small roles in these tests: a slot in a real owners file with real heartbeats, and traces on disk.
 * The traces lie in the folder of the state, which is never created.
 */
import assert from 'node:assert/strict';
import { appendFileSync, existsSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Owners } from '../../../../queue/owners.js';
import type { ChildContext } from '../../../../src/base/process/context.js';
import { host } from '../../../../src/linux/index.js';

export const folderOf = (context: ChildContext): string => dirname(context.config.service.statePath);

export const roleOf = (context: ChildContext): string => context.stages[0] ?? 'producer';

/** Appends a line `ROLE PID` for this process. */
export function traceLife(context: ChildContext): void {
  appendFileSync(join(folderOf(context), 'lives'), `${roleOf(context)} ${process.pid}\n`);
}

/** True the first time that this role asks. A file keeps the answer through deaths. */
export function isFirstLife(context: ChildContext): boolean {
  const mark = join(folderOf(context), `lived-${roleOf(context)}`);
  if (existsSync(mark)) return false;
  writeFileSync(mark, '');
  return true;
}

/** Writes heartbeats until the returned function is called, and reports `ready`. */
export function startBeating(context: ChildContext, inProgress: { job: string | null; place: string }): () => void {
  const owner = process.pid;
  const ownersPath = join(folderOf(context), 'owners');
  const owners = new Owners(host(), ownersPath);
  assert.ok(owners.tryBecome(owner, roleOf(context), performance.now()));
  const beat = () => owners.beat(inProgress, performance.now());
  beat();
  const timer = setInterval(beat, 100);
  context.report({ kind: 'ready', owner, ownersPath });
  return () => clearInterval(timer);
}

export const drained = (context: ChildContext): Promise<void> =>
  new Promise((resolve) => {
    if (context.drainSignal.aborted) resolve();
    else context.drainSignal.addEventListener('abort', () => resolve());
  });

export const forEver = (): Promise<never> => new Promise(() => setInterval(() => {}, 60_000));

/** A steady role: it writes heartbeats, and ends when it is asked to. */
export async function steady(context: ChildContext): Promise<void> {
  traceLife(context);
  const stop = startBeating(context, { job: null, place: '' });
  await drained(context);
  stop();
}
