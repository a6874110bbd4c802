/**
 * Sends all contents of this host to the shared ledger: those it carries, and those it has stored, learned or pruned.
 * Guarantees: may be repeated at any time; a row that is known there stays as it is.
 */
import { randomUUID } from 'node:crypto';
import type { Backend } from '../../../queue/backend.js';
import type { Rows } from '../../fleet/connection.js';
import { type OfOthers, sendStored } from '../../fleet/send.js';
import { type Content, contentsAfter } from '../ledger/content.js';
import { prunedAfter } from '../ledger/pruned.js';
import { compareCarried } from './compare-carried.js';

const PAGE = 1_000;

export interface SentAll {
  /** Contents that are stored here. */
  sent: number;
  /** Contents that another host has stored too. */
  elsewhere: number;
  /** Contents on their way here that another host has now. */
  carriedElsewhere: number;
}

/**
 * `ofOthers`: how contents that two hosts have stored are treated. Errors: SharedError.
 */
export async function sendAll(backend: Backend, shared: Rows, host: string, ofOthers?: OfOthers): Promise<SentAll> {
  let sent = 0;
  let elsewhere = 0;
  const send = async (contents: readonly Content[]): Promise<void> => {
    const stored = contents.filter(({ state }) => state === 'stored');
    const rows = stored.map((one) => ({ ...one, claim: randomUUID(), job: one.carrier }));
    sent += stored.length;
    elsewhere += (await sendStored(shared, host, rows, ofOthers)).length;
  };
  for (let row = 0; ; ) {
    const page = backend.read((reader) => contentsAfter(reader, row, PAGE));
    await send(page);
    row = page.at(-1)?.row ?? 0;
    if (page.length < PAGE) break;
  }
  for (const feed of backend.read((reader) => reader.all<{ feed: string }>('SELECT feed FROM pruned_feeds'))) {
    for (let after: Buffer = Buffer.alloc(0); ; ) {
      const page = backend.read((reader) => prunedAfter(reader, feed.feed, after, PAGE));
      await send(page);
      after = page.at(-1)?.sha256 ?? after;
      if (page.length < PAGE) break;
    }
  }
  return { sent, elsewhere, carriedElsewhere: await compareCarried(backend, shared, host) };
}
