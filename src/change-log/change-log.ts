/**
 * The change log, implemented on its tables. Its promises are in types.ts.
 * Does not: read the files that changed, or know what a key means.
 */
import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { openTables, type Tables } from '../../queue/index.js';
import { guarded } from '../base/config/values/option-rules.js';
import { nameOfText } from '../linux/names.js';
import { checkedChanges, checkedFrom, checkedOptions, checkOpening, checkWhole, nameOf } from './check.js';
import { asChangeLogError, ChangeLogError } from './errors.js';
import { limits } from './limits.js';
import * as sql from './rows.js';
import type { Change, ChangeLog, ChangeLogOptions, Consumer, NewChange, Registered } from './types.js';

/** Opens the log at `path`, and creates it if it is missing. Errors: ChangeLogError. */
export async function createChangeLog(options: ChangeLogOptions): Promise<ChangeLog> {
  const given = checkedOptions(options, ['path', 'entriesMax', 'logger']);
  const { entriesMax = limits.entriesMax, logger } = given;
  const path = resolve(checkOpening(given));
  checkWhole('entriesMax', entriesMax, 1, Number.MAX_SAFE_INTEGER);
  try {
    // Loaded here and not at the top: a program that uses only the watcher beside it may not have the binding of
    // Linux's calls.
    const { fsKindOf, host } = await import('../linux/index.js');
    refuseNetwork(path, fsKindOf);
    const tables = await openTables({ path, host: host(), module: sql.changeLogModule });
    return new SqliteChangeLog(tables, path, entriesMax, logger && guarded(logger, ['warn']));
  } catch (error) {
    throw asChangeLogError(error, path);
  }
}

class SqliteChangeLog implements ChangeLog {
  #closed = false;
  /** Changes recorded since the bound of entries was checked. The first record checks it. */
  #sinceBound: number = limits.boundEvery;

  constructor(
    private readonly tables: Tables,
    private readonly path: string,
    private readonly entriesMax: number,
    private readonly logger: ChangeLogOptions['logger'],
  ) {}

  async record(given: NewChange | readonly NewChange[]): Promise<number> {
    const changes = checkedChanges(given);
    this.#sinceBound += changes.length;
    const bounded = this.#sinceBound >= Math.min(limits.boundEvery, Math.ceil(this.entriesMax / 10));
    const recorded = this.#sinceBound;
    if (bounded) this.#sinceBound = 0;
    const { seq, lost } = await this.#write((rows) => {
      for (const change of changes) sql.put(rows, change);
      return { seq: sql.lastOf(rows), lost: bounded ? sql.bound(rows, this.entriesMax, recorded) : [] };
    });
    for (const consumer of lost) this.#warnLost(consumer);
    return seq;
  }

  async since(seq: number, options?: { limit?: number }): Promise<Change[]> {
    const { limit = limits.sinceDefault } = checkedOptions(options, ['limit']);
    checkWhole('seq', seq, 0, Number.MAX_SAFE_INTEGER);
    checkWhole('limit', limit, 1, limits.sinceMax);
    // The horizon is read after the rows. A removal in between raises it first, so a hole is never missed.
    const { changes, horizon, last } = this.#read((rows) => ({
      changes: sql.changesAfter(rows, seq, limit),
      horizon: sql.horizonOf(rows),
      last: sql.lastOf(rows),
    }));
    if (seq >= horizon && seq <= last) return changes;
    const has =
      seq > last ? `another log gave that, or a newer one; it ends at ${last}` : `only what follows ${horizon}`;
    throw new ChangeLogError(
      'change_log_gap',
      `${this.path} has not kept everything after ${seq} (${has}): forget the consumer, register it, then read everything once (for files, the whole tree), and continue from the seq that register gave.`,
    );
  }

  async last(): Promise<number> {
    return this.#read(sql.lastOf);
  }

  async register(consumer: string, options?: { from?: 'now' | 'oldest' }): Promise<Registered> {
    nameOf(consumer);
    const from = checkedFrom(checkedOptions(options, ['from']).from);
    return this.#write((rows) => {
      const known = sql.consumerOf(rows, consumer);
      if (known && !known.lost) return { seq: known.acked, fresh: known.fresh };
      if (!known && sql.countOf(rows) >= limits.consumersMax) {
        throw new ChangeLogError(
          'change_log_bad_value',
          `${this.path} may have at most ${limits.consumersMax} consumers, and has so many: forget one that is not used any more.`,
        );
      }
      const seq = from === 'oldest' ? sql.horizonOf(rows) : sql.lastOf(rows);
      rows.run('INSERT OR REPLACE INTO consumers (name, acked, fresh) VALUES (?, ?, 1)', consumer, seq);
      return { seq, fresh: true };
    });
  }

  async ack(consumer: string, seq: number): Promise<void> {
    checkWhole('seq', seq, 0, Number.MAX_SAFE_INTEGER);
    await this.#write((rows) => {
      const known = this.#known(rows, consumer);
      const last = sql.lastOf(rows);
      checkWhole(`the seq that ${consumer} acknowledges`, seq, 0, last);
      if (seq <= known.acked && !known.fresh) return;
      rows.run('UPDATE consumers SET acked = max(acked, ?), fresh = 0 WHERE name = ?', seq, consumer);
      sql.removeSeen(rows);
    });
  }

  async forget(consumer: string): Promise<boolean> {
    return this.#write((rows) => {
      const { changes } = rows.run('DELETE FROM consumers WHERE name = ?', nameOf(consumer));
      sql.removeSeen(rows);
      return changes > 0;
    });
  }

  async consumers(): Promise<Consumer[]> {
    return this.#read(sql.allConsumers);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.tables.close();
  }

  #known(rows: sql.Rows, name: string): Consumer {
    const known = sql.consumerOf(rows, nameOf(name));
    if (!known) {
      throw new ChangeLogError(
        'change_log_unknown_consumer',
        `${name} is not a consumer of ${this.path}: register it first.`,
      );
    }
    if (!known.lost) return known;
    throw new ChangeLogError(
      'change_log_lost_consumer',
      `${name} had acknowledged nothing after ${known.acked} when ${this.path} reached its bound of ${this.entriesMax} keys: register it again, and read everything once (for files, the whole tree).`,
    );
  }

  #warnLost({ name, acked }: { name: string; acked: number }): void {
    this.logger?.warn(
      { event: 'change_log_lost_consumer', path: this.path, consumer: name, acked, entries_max: this.entriesMax },
      `${name} has acknowledged nothing after ${acked}, and ${this.path} keeps ${this.entriesMax} keys at most: the changes it had not read are gone, and it has to start again`,
    );
  }

  #read<T>(fn: (rows: sql.Rows) => T): T {
    this.#refuseClosed();
    try {
      this.tables.checkStillOurs();
      return this.tables.read(fn);
    } catch (error) {
      throw asChangeLogError(error, this.path);
    }
  }

  async #write<T>(fn: (rows: sql.Rows) => T): Promise<T> {
    this.#refuseClosed();
    try {
      this.tables.checkStillOurs();
      return await this.tables.write(fn);
    } catch (error) {
      throw asChangeLogError(error, this.path);
    }
  }

  #refuseClosed(): void {
    if (this.#closed) throw new ChangeLogError('change_log_closed', `${this.path} is closed: open it again.`);
  }
}

function refuseNetwork(path: string, fsKindOf: typeof import('../linux/index.js').fsKindOf): void {
  const place = dirname(path);
  if (!existsSync(place)) return;
  const kind = fsKindOf(nameOfText(place));
  if (!kind.network) return;
  throw new ChangeLogError(
    'change_log_on_network',
    `A change log must be on a local filesystem, but ${path} is on ${kind.name}, where locks cannot be relied on: name a path on a local disk.`,
  );
}
