/**
 * Rows of the shared ledger that this host has and nothing here stands for: a process died after its question was answered and before
 * that was recorded, and the job has ended since.
 * Guarantees: gives up by claim, and only what neither the ledger nor the outbox nor a job knows; a claim is never used again, so that
 * nothing newer is hit.
 */
import type { Backend } from '../../../queue/backend.js';
import { type HostsRow, rowsOf } from '../../fleet/compare.js';
import type { Rows } from '../../fleet/connection.js';
import { noteLeftBehind } from '../outbox/outbox.js';
import { isUnknownCarried } from './unknown-here.js';

const PAGE = 1_000;

/** Answers how many. Errors: SharedError. */
export async function sweep(backend: Backend, shared: Rows, host: string): Promise<number> {
  let given = 0;
  for (let after: HostsRow | undefined; ; ) {
    const page: HostsRow[] = await rowsOf(shared, host, 'carried', after, PAGE);
    given += await backend.transact((tx) => {
      const left = page.filter((row) => isUnknownCarried(tx, row));
      for (const row of left) noteLeftBehind(tx, row);
      return left.length;
    });
    after = page.at(-1);
    if (page.length < PAGE) return given;
  }
}
