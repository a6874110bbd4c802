/**
 * The ledger that several hosts shared in the version before: each state had its tables, and a state that had joined had a row and
 * triggers too.
 * Guarantees: a state that never joined loses all of it. A state that joined is refused and not changed: other hosts count on what it
 * sends them, and this version sends nothing.
 */
import type { Module } from '../../../queue/index.js';
import { EnvironmentError } from '../../base/errors.js';

export const sharedBeforeModule: Module = {
  name: 'shared',
  migrations: [
    // The number of the migration that made the tables: a new state has none of them.
    '',
    ['stored', 'learned', 'released', 'permitted', 'withdrawn']
      .map((trigger) => `DROP TRIGGER IF EXISTS shared_${trigger};`)
      .concat(['host', 'claims', 'outbox'].map((table) => `DROP TABLE IF EXISTS shared_${table};`))
      .join('\n'),
  ],
  refuse(db, path) {
    if (!db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'shared_host'").get()) return;
    if (!db.prepare('SELECT 1 FROM shared_host').get()) return;
    throw new EnvironmentError(
      'state_joined',
      `the state ${path} has joined a ledger that several hosts share, and this version shares none: go on with the version that wrote it, until a later version takes the state over.`,
    );
  },
};
