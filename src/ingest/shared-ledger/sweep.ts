/**
 * Gives up rows of the shared ledger that this host has and that nothing here belongs to: a process died after its question was
 * answered and before that was recorded, and the job has ended since.
 * Guarantees: gives up by claim, and only rows that neither ledger nor outbox nor a job knows. A claim is never used twice, so
 * nothing newer is given up.
 */
import type { Backend } from '../../../queue/backend.js';
import { type HostsRow, rowsOf } from '../../fleet/compare.js';
import type { Rows } from '../../fleet/connection.js';
import { noteAbandoned } from '../outbox/outbox.js';
import { isUnknownCarried } from './unknown-here.js';

const PAGE = 1_000;

/** Returns how many. Errors: SharedError. */
export async function sweep(backend: Backend, shared: Rows, host: string): Promise<number> {
  let given = 0;
  for (let after: HostsRow | undefined; ; ) {
    const page: HostsRow[] = await rowsOf(shared, host, 'carried', after, PAGE);
    given += await backend.transact((tx) => {
      const left = page.filter((row) => isUnknownCarried(tx, row));
      for (const row of left) noteAbandoned(tx, row);
      return left.length;
    });
    after = page.at(-1);
    if (page.length < PAGE) return given;
  }
}
