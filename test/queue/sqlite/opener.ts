/**
 * Opens the SQLite backend, in this process or in a child.
 */
import type { Backend } from '../../../queue/backend.js';
import { openQueue } from '../../../queue/index.js';
import { host } from '../../../src/linux/index.js';
import { type OpenOptions, STAGES } from '../world.js';

/** A caller's own table, as in the ledger. */
export const MODULE = { name: 'notes', migrations: ['CREATE TABLE notes (text TEXT PRIMARY KEY) STRICT'] };

export function open(address: string, options: OpenOptions): Promise<Backend> {
  return openQueue({
    path: address,
    host: host(),
    stages: STAGES,
    modules: [MODULE],
    title: 'test',
    maxAttempts: 3,
    ...options,
  });
}
