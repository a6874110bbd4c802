/**
 * Opens the database: file, pragmas, migrations. The caller must close it; one connection for each process is enough.
 * Guarantees: a state is created only if the caller allows it. Files that root creates beside an existing state belong
 * to the state's owner. The database, `-wal` and `-shm` are never opened, copied or read directly while this process
 * may have a connection: closing such a descriptor releases SQLite's locks, and acknowledged rows are lost. Paths are
 * compared with `stat` only.
 */
import { randomUUID } from 'node:crypto';
import { chownSync, closeSync, existsSync, openSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import Database from 'better-sqlite3';
import type { LockFile } from '../backend.js';
import { damaged, isBusy, isFull, QueueError, sqlCodeOf, stateFull, stateUnusable, typedSqlError } from '../errors.js';
import { MIGRATION_AT } from '../owners.js';
import { pauseShortly, retryWhileBusy } from './commit.js';
import {
  backUp,
  type Module,
  migrate,
  needsMigration,
  newerDatabase,
  refuseOthers,
  userVersion,
  versionOf,
} from './migrations.js';
import { setPragmas, setReadPragmas } from './pragmas.js';

const WAIT_FOR_MIGRATION_MS = 20;
const GIVEN_WITHIN_MS = 1_000;
const MAKE_IT = 'create it';
/** SQLite's smallest page. It takes a shorter file for an empty database, and would write over it. */
const SMALLEST_BYTES = 512;

/** Identifies the file that a path named when it was opened. */
export interface FileId {
  dev: bigint;
  ino: bigint;
}

export interface Opened {
  db: Database.Database;
  path: string;
  fileId: FileId;
  /** Set for an owner: the lock file. Without it the owner looks dead to the next process. */
  locks?: { path: string; fileId: FileId };
  version: number;
}

export interface OpenParts {
  modules: readonly Module[];
  /** True: creates a state if there is none. */
  create: boolean;
  /** The UUID of a new state. */
  uuid?: string | undefined;
  /** Called before a migration, by this process or by another one. */
  onMigration?: (() => void) | undefined;
  /** Opens the lock file beside the database. */
  openLocks: () => LockFile;
}

/** Opens for writing. */
export async function openDatabase(path: string, { uuid = randomUUID(), ...parts }: OpenParts): Promise<Opened> {
  return openMigrated(path, parts, (db) => db.prepare("INSERT OR IGNORE INTO meta VALUES ('uuid', ?)").run(uuid));
}

/** The same with any modules. `first` is written before anybody uses the database. */
export async function openMigrated(
  path: string,
  { modules, create, ...parts }: Omit<OpenParts, 'uuid'>,
  first: (db: Database.Database) => unknown = () => {},
): Promise<Opened> {
  const open = async (): Promise<Opened> => {
    if (create) createFile(path);
    else refuseMissing(path);
    refuseStub(path, create);
    const db = new Database(path, { fileMustExist: true });
    try {
      await untilNotBusy(() => refuseOthers(db, modules, path)); // the first pragma already writes
      await untilNotBusy(() => setPragmas(db));
      await migrateAlone(db, modules, path, parts);
      await untilNotBusy(() => first(db));
      return { db, path, fileId: fileIdOf(path), version: versionOf(modules) };
    } catch (error) {
      db.close();
      throw error;
    }
  };
  for (const mayGoOn = untilGiven(path); ; await delay(1)) {
    try {
      return await open();
    } catch (error) {
      mayGoOn(error);
    }
  }
}

/** Opens for reading: writes nothing, even if the state is older than this build. */
export function openForReading(path: string, modules: readonly Module[]): Opened {
  const open = (): Opened => {
    refuseMissing(path);
    refuseStub(path, false);
    const db = new Database(path, { fileMustExist: true, readonly: true });
    try {
      retryWhileBusy(() => setReadPragmas(db));
      if (retryWhileBusy(() => needsMigration(db, modules, path))) {
        throw new QueueError(
          'older_database',
          `${path} was written by an older version of this program: start the ingestor once to bring it up to date.`,
        );
      }
      return { db, path, fileId: fileIdOf(path), version: versionOf(modules) };
    } catch (error) {
      db.close();
      throw error;
    }
  };
  for (const mayGoOn = untilGiven(path); ; pauseShortly()) {
    try {
      return open();
    } catch (error) {
      mayGoOn(error);
    }
  }
}

/**
 * SQLite makes the files beside a state as root, and gives them to the owner of the state in its next call. Between the two
 * another user cannot open the state. A state that is being made is empty for a moment. Throws any other error, and these when they stay.
 */
function untilGiven(path: string): (error: unknown) => void {
  const end = performance.now() + GIVEN_WITHIN_MS;
  return (error) => {
    const isRefused = ['SQLITE_CANTOPEN', 'SQLITE_READONLY'].some((code) => sqlCodeOf(error).startsWith(code));
    const isEmpty = statSync(path, { throwIfNoEntry: false })?.size === 0;
    if (!(isRefused || isEmpty) || performance.now() > end) throw openError(error, path);
  };
}

/**
 * Throws if the path (or the path of the lock file) names another file now, or if a newer build changed the database.
 */
export function checkStillOurs({ db, path, fileId, locks, version }: Opened): void {
  refuseChanged({ path, fileId }, ': stop everything, put the right file there, and start again.');
  const remedy = 'stop everything that uses this state, and start again.';
  if (locks) refuseChanged(locks, `, and nobody can see any more who lives: ${remedy}`);
  if (retryWhileBusy(() => userVersion(db)) > version) throw newerDatabase(path);
}

function refuseChanged({ path, fileId }: Pick<Opened, 'path' | 'fileId'>, whatThen: string): void {
  let now: FileId | undefined;
  try {
    now = fileIdOf(path);
  } catch {} // nothing can be reached by the path any more
  if (now?.dev === fileId.dev && now.ino === fileId.ino) return;
  const became = now ? 'was replaced by another file' : 'was removed';
  throw new QueueError('state_replaced', `${path} ${became} while it was in use${whatThen}`);
}

/** Gives a file that root created beside a state to the state's owner. */
export function giveToOwner(path: string, statePath: string): void {
  if (process.geteuid?.() !== 0 || !existsSync(path)) return;
  const { uid, gid } = statSync(statePath);
  const now = statSync(path);
  if (now.uid !== uid || now.gid !== gid) chownSync(path, uid, gid);
}

/** Waits without starving other processes (commit.ts explains how), and lets the event loop run in between. */
export async function untilNotBusy<T>(fn: () => T): Promise<T> {
  for (const end = performance.now() + 60_000; ; await delay(1)) {
    try {
      return fn();
    } catch (error) {
      if (!isBusy(error) || performance.now() > end) throw error;
      pauseShortly();
    }
  }
}

/**
 * All processes of a start come here together. One of them makes the backup and migrates the state. The others wait for
 * it (as long as needed; the lock ends with its process) and then find nothing to do. Processes of the older version
 * continue until the change, and write nothing after it (commit.ts).
 */
async function migrateAlone(
  db: Database.Database,
  modules: readonly Module[],
  path: string,
  { openLocks, onMigration }: Pick<OpenParts, 'openLocks' | 'onMigration'>,
): Promise<void> {
  if (!(await untilNotBusy(() => needsMigration(db, modules, path)))) return;
  if (userVersion(db) > 0) onMigration?.();
  const locks = openLocks();
  try {
    while (!locks.tryLockExclusive(MIGRATION_AT)) await delay(WAIT_FOR_MIGRATION_MS);
    await migrateSafely(db, modules, path);
  } finally {
    locks.close();
  }
}

async function migrateSafely(db: Database.Database, modules: readonly Module[], path: string): Promise<void> {
  if (!(await untilNotBusy(() => needsMigration(db, modules, path)))) return;
  if (userVersion(db) > 0) giveToOwner(await untilNotBusy(() => backUp(db, path)), path);
  await untilNotBusy(() => db.transaction(() => migrate(db, modules, path)).immediate());
}

/** 0600 from the first moment. Only a new file is ever opened here, so no connection of this process can be on it. */
function createFile(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

export function refuseMissing(path: string): void {
  if (!existsSync(path))
    throw new QueueError('state_missing', `There is no state at ${path}: name the --state-path of a running ingestor.`);
}

/** Only who makes a state may find it empty. */
function refuseStub(path: string, mayBeEmpty: boolean): void {
  const { size } = statSync(path);
  if (size === 0 && mayBeEmpty) return;
  if (size < SMALLEST_BYTES) throw damaged(path, size === 0 ? 'it is empty' : 'it is too short for one');
}

export function fileIdOf(path: string): FileId {
  const { dev, ino } = statSync(path, { bigint: true });
  return { dev, ino };
}

/** The error for an operator when a state or a file beside it cannot be opened. */
export function openError(error: unknown, path: string): unknown {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  if (sqlCodeOf(error)) return typedSqlError(error, path);
  if (error instanceof TypeError && /directory does not exist/.test(error.message))
    return stateUnusable(path, 'its directory does not exist', MAKE_IT);
  if (['ENOENT', 'ENOTDIR'].includes(code) && !existsSync(dirname(path)))
    return stateUnusable(path, `the directory ${dirname(path)} does not exist`, MAKE_IT);
  if (isFull(error)) return stateFull(path, error);
  if (['EACCES', 'EPERM', 'EROFS', 'EISDIR'].includes(code)) return stateUnusable(path, (error as Error).message);
  return error;
}
