/** Tells the shared ledger what became of this host's contents, from the outbox. */

import { randomUUID } from 'node:crypto';
import type { Backend } from '../../../queue/backend.js';
import type { SharedConnection } from '../../fleet/connection.js';
import { tellReleased, tellStored } from '../../fleet/tell.js';
import { forgetTold, type Untold, untold } from '../ledger/shared.js';

const PAGE = 1_000;

/**
 * Until nothing is left. Told twice is as told once: another process of this host may be at it.
 * Answers how many contents another host has stored too. Errors: SharedError.
 */
export async function tellOutbox(backend: Backend, shared: SharedConnection, host: string): Promise<number> {
  let conflicts = 0;
  for (;;) {
    const page = backend.read((reader) => untold(reader, PAGE));
    if (page.length === 0) return conflicts;
    const stored = page.filter(({ kind }) => kind === 'stored');
    conflicts += (
      await tellStored(
        shared,
        host,
        stored.map((one) => ({ ...one, claim: one.claim ?? randomUUID() })),
      )
    ).length;
    await tellReleased(shared, host, page.filter(isReleased));
    await backend.transact((tx) => forgetTold(tx, { first: page[0]!.n, last: page.at(-1)!.n }));
  }
}

/** Of what nobody was told there is nothing to give up. */
const isReleased = (one: Untold): one is Untold & { claim: string } => one.kind === 'released' && one.claim !== null;
