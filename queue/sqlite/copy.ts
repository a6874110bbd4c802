/**
 * Copies a state: as it is now, or an older one that will be brought up to date.
 * Guarantees: the copy is one moment of the state, including its log; the state is not changed, and writers continue
 * meanwhile. A damaged state is refused. In the copy of an older state (a restored backup), nothing is claimed. Numbers
 * of claims, owners and rows that may have been used since are not used again.
 * Does not: mark the copy as complete; the caller does.
 */
import { closeSync, openSync } from 'node:fs';
import Database from 'better-sqlite3';
import { damaged, isDamage, sqlCodeOf } from '../errors.js';
import { assertTransition } from '../states.js';
import { retryWhileBusy } from './commit.js';
import type { Module } from './migrations.js';
import { openError, openForReading } from './open.js';

/** More than the claims and process starts between a backup and its return. */
const NUMBERS_SKIPPED = 1_000_000;

const NOT_FITTING = 'its pages do not fit together';

/** `to`: an empty file. `onCopied` is called before the copy is checked. Errors: QueueError; `state_not_a_database` also if its pages or its log are inconsistent. */
export function copyWhole(
  from: string,
  to: string,
  modules: readonly Module[],
  { change, onCopied }: { change?: (copy: Database.Database) => void; onCopied?: (() => void) | undefined } = {},
): void {
  const { db } = openForReading(from, modules);
  try {
    db.pragma('query_only = OFF'); // the connection is read-only; only the copy is written
    retryWhileBusy(() => db.prepare('VACUUM INTO ?').run(to));
  } catch (error) {
    throw isDamage(error)
      ? damaged(from, NOT_FITTING, error)
      : openError(error, sqlCodeOf(error) === 'SQLITE_FULL' ? to : from);
  } finally {
    db.close();
  }
  onCopied?.();
  const copy = new Database(to, { fileMustExist: true });
  try {
    if (copy.pragma('quick_check(1)', { simple: true }) !== 'ok') throw damaged(from, NOT_FITTING);
    if (change) copy.transaction(() => change(copy)).immediate();
  } catch (error) {
    throw isDamage(error) ? damaged(from, NOT_FITTING, error) : openError(error, to);
  } finally {
    copy.close();
  }
}

/** `to` must not exist. */
export function copyOlder(from: string, to: string, modules: readonly Module[]): void {
  try {
    closeSync(openSync(to, 'wx', 0o600)); // SQLite would make it readable for all users
  } catch (error) {
    throw openError(error, to);
  }
  copyWhole(from, to, modules, { change: forget });
}

function forget(copy: Database.Database): void {
  const ready = assertTransition('rescue', 'claimed');
  copy
    .prepare("UPDATE jobs SET was = state, state = ?, owner = NULL, interrupted = 1 WHERE state = 'claimed'")
    .run(ready);
  copy.prepare("UPDATE jobs SET claim_no = claim_no + ? WHERE state <> 'done'").run(NUMBERS_SKIPPED);
  copy.prepare("UPDATE gates SET prober = NULL, probe_due_ms = 0 WHERE cause = 'place'").run();
  copy.prepare('DELETE FROM owners').run();
  copy.prepare("UPDATE meta SET value = value + ? WHERE name = 'next_owner'").run(NUMBERS_SKIPPED);
  copy.prepare('UPDATE sqlite_sequence SET seq = seq + ?').run(NUMBERS_SKIPPED);
}
