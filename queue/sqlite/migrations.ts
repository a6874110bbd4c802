/**
 * Migrates the queue's tables and those of the caller's modules to this build, in one transaction.
 * Guarantees: an existing database is backed up before it is changed. A newer one and one of another kind are refused
 * and not changed. The sum of all versions is in user_version, which each claim can read in a fraction of a microsecond.
 */
import { closeSync, fsyncSync, linkSync, openSync, rmSync } from 'node:fs';
import type Database from 'better-sqlite3';
import { QueueError, stateOfOthers } from '../errors.js';
import { QUEUE_MIGRATIONS } from './schema.js';

/** The caller's own tables: a migration's number is its position in the list, counted from 1. Append-only. */
export interface Module {
  name: string;
  migrations: readonly string[];
}

const QUEUE = 'queue';

export const allModules = (modules: readonly Module[]): Module[] => [
  { name: QUEUE, migrations: QUEUE_MIGRATIONS },
  ...modules,
];

export const versionOf = (modules: readonly Module[]): number =>
  modules.reduce((sum, module) => sum + module.migrations.length, 0);

export function newerDatabase(path: string): QueueError {
  return new QueueError(
    'newer_database',
    `${path} was written by a newer version of this program: install that version, or restore the backup beside it.`,
  );
}

/** Must be called inside a write transaction. Returns true if it changed anything. */
export function migrate(db: Database.Database, modules: readonly Module[], path: string): boolean {
  refuseOthers(db, modules, path);
  const missing = missingMigrations(db, modules);
  if (missing.length === 0) return false;
  db.exec(
    'CREATE TABLE IF NOT EXISTS migrations (module TEXT, number INTEGER, at_seconds INTEGER NOT NULL, PRIMARY KEY (module, number)) STRICT',
  );
  const record = db.prepare('INSERT INTO migrations VALUES (?, ?, unixepoch())');
  for (const { module, number, sql } of missing) {
    db.exec(sql);
    record.run(module, number);
  }
  db.pragma(`user_version = ${versionOf(modules)}`);
  return true;
}

export function needsMigration(db: Database.Database, modules: readonly Module[], path: string): boolean {
  refuseOthers(db, modules, path);
  return missingMigrations(db, modules).length > 0;
}

/**
 * Makes a complete, consistent copy beside the database; under its final name it is on disk. Must be called outside any
 * transaction.
 */
export function backUp(db: Database.Database, path: string): string {
  const copy = `${path}.v${userVersion(db)}.backup`;
  const part = `${copy}.part`;
  rmSync(part, { force: true }); // left by an attempt that was interrupted
  const fd = openSync(part, 'wx', 0o600); // SQLite would make it readable for all users
  try {
    db.prepare('VACUUM INTO ?').run(part);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  rmSync(copy, { force: true }); // left by an attempt that ended before it changed anything
  linkSync(part, copy);
  rmSync(part);
  return copy;
}

export const userVersion = (db: Database.Database): number => db.pragma('user_version', { simple: true }) as number;

function installed(db: Database.Database): Map<string, number> {
  const known = db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'migrations'").get();
  if (!known) return new Map();
  const rows = db.prepare('SELECT module, max(number) AS number FROM migrations GROUP BY module').all() as {
    module: string;
    number: number;
  }[];
  return new Map(rows.map((row) => [row.module, row.number]));
}

/** Refuses a database of a newer build, and one that has tables but none of these modules. */
export function refuseOthers(db: Database.Database, modules: readonly Module[], path: string): void {
  const known = new Map(modules.map((module) => [module.name, module.migrations.length]));
  // In this order: another process may migrate a new database between the two reads.
  const isNew = db.prepare('SELECT count(*) FROM sqlite_schema').pluck().get() === 0;
  const found = installed(db);
  if (!isNew && ![...found.keys()].some((name) => known.has(name))) throw stateOfOthers(path);
  for (const [name, number] of found) {
    if (number > (known.get(name) ?? 0)) throw newerDatabase(path);
  }
  if (userVersion(db) > versionOf(modules)) throw newerDatabase(path);
}

function missingMigrations(db: Database.Database, modules: readonly Module[]) {
  const done = installed(db);
  return modules.flatMap(({ name, migrations }) =>
    migrations
      .map((sql, i) => ({ module: name, number: i + 1, sql }))
      .filter(({ number }) => number > (done.get(name) ?? 0)),
  );
}
