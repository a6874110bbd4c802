/**
 * Rows of the shared ledger that this host has and nothing here stands for: a process died after its question was answered and before
 * that was recorded, and the job has ended since.
 * Guarantees: gives up by claim, and only what neither the ledger nor the outbox nor a job knows; a claim is never used again, so that
 * nothing newer is hit.
 */
import type { Backend, Reader } from '../../../queue/backend.js';
import { type HostsRow, rowsOf } from '../../fleet/compare.js';
import type { Rows } from '../../fleet/connection.js';
import { isClaimKnown } from '../sharing/claims.js';
import { noteLeftBehind } from '../sharing/outbox.js';

const PAGE = 1_000;

/** Answers how many. Errors: SharedError. */
export async function sweep(backend: Backend, shared: Rows, host: string): Promise<number> {
  let given = 0;
  let after: HostsRow | undefined;
  for (;;) {
    const page: HostsRow[] = await rowsOf(shared, host, 'carried', after, PAGE);
    const left = await backend.transact((tx) => {
      const behind = page.filter((row) => isBehind(tx, row));
      for (const row of behind) noteLeftBehind(tx, row);
      return behind.length;
    });
    given += left;
    after = page.at(-1);
    if (page.length < PAGE) return given;
  }
}

/** Neither the ledger nor the outbox nor a job knows it. */
export function isBehind(reader: Reader, { claim, job }: HostsRow): boolean {
  if (isClaimKnown(reader, claim)) return false;
  const { state } = reader.get<{ state: string }>('SELECT state FROM all_jobs WHERE id = ?', job) ?? { state: 'done' };
  return state === 'done';
}
