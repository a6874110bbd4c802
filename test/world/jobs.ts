/**
 * Waits for the outcome of a dropped file, by its job, and further checks.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { shownName } from '../../src/linux/names.js';
import type { JobRow, LedgerRow } from './database.js';
import { until } from './waiting.js';
import type { World } from './world.js';

export const PATIENT = { everyMs: 25 };

/** The newest job of a name, as soon as `is` is true for it. */
export const job = (world: World, name: string, what: string, is: (job: JobRow) => unknown): Promise<JobRow> =>
  until(
    `the job of ${name} ${what}`,
    () => {
      const found = world.jobs().findLast(({ key }) => shownName(key) === name);
      return found && is(found) ? found : undefined;
    },
    PATIENT,
  );

export const done = (world: World, name: string, ending: string): Promise<JobRow> =>
  job(world, name, `ends as ${ending}`, (j) => j.ending === ending);
export const held = (world: World, name: string, code: string): Promise<JobRow> =>
  job(world, name, `is held for ${code}`, (j) => j.hold_code === code);
export const waiting = (world: World, name: string): Promise<JobRow> =>
  job(world, name, 'waits', (j) => j.state === 'waiting');
export const readyFor = (world: World, name: string, stage: string): Promise<JobRow> =>
  job(world, name, `is ready for ${stage}`, (j) => j.state === 'ready' && j.stage === stage);

export const content = (world: World, of: JobRow): LedgerRow =>
  world.ledger().find(({ carrier }) => carrier === of.id)!;
export const targetPath = (world: World, of: JobRow): string =>
  join(world.feed().warehouse, shownName(content(world, of).target!));

export async function ctl(world: World, ...words: string[]): Promise<void> {
  const { code, stderr } = await world.run('ingest-ctl', words);
  assert.equal(code, 0, stderr);
}

/**
 * One file and one line for each content; the other copies are in duplicates/, each reported with the stored file that
 * it equals.
 */
export function once(world: World, { files, duplicates }: { files: number; duplicates: number }): void {
  world.check();
  assert.deepEqual(
    [world.warehouse().length, world.survey().lines.length - world.survey().withdrawn.size, world.duplicates().length],
    [files, files, duplicates],
  );
  duplicatesTold(world, duplicates);
}

/**
 * As many duplicates were reported, each with a file of the warehouse that has the same bytes. `killed`: a process may
 * have died between a settlement and its event.
 */
export function duplicatesTold(world: World, count: number, { killed = false } = {}): void {
  const told = world.log.named('file_skipped_duplicate');
  assert(killed ? told.length <= count : told.length === count, `${told.length} of ${count} duplicates were logged`);
  const { warehouse } = world.feed();
  const stored = new Map(world.warehouse().map(({ path, sha256 }) => [join(warehouse, shownName(path)), sha256]));
  for (const { duplicate_of, sha256 } of told)
    assert.equal(stored.get(String(duplicate_of)), sha256, `a duplicate was logged as one of ${duplicate_of}`);
}
