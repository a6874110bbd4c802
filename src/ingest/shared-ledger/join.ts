/**
 * A host joins the shared ledger: all that it has stored, learned and pruned is told, then it may ask.
 * Guarantees: can be run again, wherever it was ended; what its own programs store or give up meanwhile is told by the outbox.
 */
import { randomUUID } from 'node:crypto';
import type { Backend } from '../../../queue/backend.js';
import { EnvironmentError } from '../../base/errors.js';
import { SharedConnection } from '../../fleet/connection.js';
import { SharedError } from '../../fleet/errors.js';
import { enterHost, joinHost } from '../../fleet/hosts.js';
import { checkSchema, makeTables } from '../../fleet/schema.js';
import { tellStored } from '../../fleet/tell.js';
import { type Content, contentsAfter } from '../ledger/content.js';
import { prunedAfter } from '../ledger/pruned.js';
import { beginSharing, sharedHost } from '../ledger/shared.js';
import { placeOfState } from './place.js';

const PAGE = 1_000;

export interface Joined {
  /** Contents. */
  told: number;
  /** Of them, that another host has stored too. */
  elsewhere: number;
}

/** Errors: EnvironmentError, in the words of the shared ledger. */
export async function join(
  backend: Backend,
  { name, statePath, url }: { name: string; statePath: string; url: string },
): Promise<Joined> {
  const shared = new SharedConnection(url);
  try {
    await makeTables(shared);
    await checkSchema(shared);
    const known = backend.read(sharedHost);
    const host = { id: known?.id ?? backend.uuid, name, place: placeOfState(statePath) };
    await joinHost(shared, host);
    const incarnation = await enterHost(shared, host, known?.incarnation ?? 1n);
    const row = { ...host, ledger: shared.where, incarnation };
    await backend.transact((tx) => beginSharing(tx, { ...row, joined: false }));
    const joined = await tellAll(backend, shared, host.id);
    await backend.transact((tx) => beginSharing(tx, { ...row, joined: true }));
    return joined;
  } catch (error) {
    if (error instanceof SharedError) throw new EnvironmentError(`shared_ledger_${error.code}`, error.message);
    throw error;
  } finally {
    await shared.close();
  }
}

async function tellAll(backend: Backend, shared: SharedConnection, host: string): Promise<Joined> {
  const joined: Joined = { told: 0, elsewhere: 0 };
  const tell = async (contents: readonly Content[]): Promise<void> => {
    const stored = contents.filter(({ state }) => state === 'stored');
    const others = await tellStored(
      shared,
      host,
      stored.map((one) => ({ ...one, claim: randomUUID(), job: one.carrier })),
    );
    joined.told += stored.length;
    joined.elsewhere += others.length;
  };
  for (let row = 0; ; ) {
    const page = backend.read((reader) => contentsAfter(reader, row, PAGE));
    await tell(page);
    row = page.at(-1)?.row ?? 0;
    if (page.length < PAGE) break;
  }
  for (const feed of backend.read((reader) => reader.all<{ feed: string }>('SELECT feed FROM pruned_feeds'))) {
    for (let after: Buffer = Buffer.alloc(0); ; ) {
      const page = backend.read((reader) => prunedAfter(reader, feed.feed, after, PAGE));
      await tell(page);
      after = page.at(-1)?.sha256 ?? after;
      if (page.length < PAGE) break;
    }
  }
  return joined;
}
