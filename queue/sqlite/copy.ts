/**
 * Copies a state that is older than what happened since, as a restored backup is, to be brought up to date.
 * Guarantees: the older one is not changed, its log is read with it; in the copy nobody has claimed anything, and no number
 * (of a claim, an owner, a row) that may have been given out since is given out again. A damaged one is refused.
 * Does not: say when the copy is whole; whoever makes it notes that in it.
 */
import { closeSync, openSync } from 'node:fs';
import Database from 'better-sqlite3';
import { QueueError } from '../errors.js';
import { assertTransition } from '../states.js';
import { retryWhileBusy } from './commit.js';
import type { Module } from './migrations.js';
import { openError, openForReading } from './open.js';

/** Nothing is claimed, and no process started, so often between a backup and its return. */
const NUMBERS_SKIPPED = 1_000_000;

/** Errors: QueueError; `state_not_a_database` also where its pages or its log do not fit together. */
export function copyOlder(from: string, to: string, modules: readonly Module[]): void {
  const { db } = openForReading(from, modules);
  try {
    closeSync(openSync(to, 'wx', 0o600)); // SQLite would make it readable for all
    db.pragma('query_only = OFF'); // the connection itself is for reading; the copy has to be written
    retryWhileBusy(() => db.prepare('VACUUM INTO ?').run(to));
  } catch (error) {
    throw isDamage(error) ? damaged(from) : openError(error, from);
  } finally {
    db.close();
  }
  outdate(from, to);
}

function outdate(from: string, to: string): void {
  const copy = new Database(to, { fileMustExist: true });
  try {
    if (copy.pragma('quick_check(1)', { simple: true }) !== 'ok') throw damaged(from);
    copy.transaction(() => forget(copy)).immediate();
  } catch (error) {
    throw isDamage(error) ? damaged(from) : openError(error, to);
  } finally {
    copy.close();
  }
}

function forget(copy: Database.Database): void {
  const ready = assertTransition('rescue', 'claimed');
  copy.prepare("UPDATE jobs SET was = state, state = ?, owner = NULL WHERE state = 'claimed'").run(ready);
  copy.prepare("UPDATE jobs SET claim_no = claim_no + ? WHERE state <> 'done'").run(NUMBERS_SKIPPED);
  copy.prepare("UPDATE gates SET prober = NULL, probe_due_ms = 0 WHERE cause = 'place'").run();
  copy.prepare('DELETE FROM owners').run();
  copy.prepare("UPDATE meta SET value = value + ? WHERE name = 'next_owner'").run(NUMBERS_SKIPPED);
  copy.prepare('UPDATE sqlite_sequence SET seq = seq + ?').run(NUMBERS_SKIPPED);
}

const isDamage = (error: unknown): boolean => /^SQLITE_(CORRUPT|NOTADB)/.test((error as { code?: string }).code ?? '');

const damaged = (path: string): QueueError =>
  new QueueError('state_not_a_database', `${path} is damaged: its pages do not fit together.`);
