/**
 * Sends all contents of this host to the shared ledger: those it carries, and those it has stored, learned or pruned.
 * Guarantees: may be repeated at any time; a row that is known there stays as it is.
 */
import { randomUUID } from 'node:crypto';
import type { Backend } from '../../../queue/backend.js';
import type { Rows } from '../../fleet/connection.js';
import { type OfOthers, tellStored } from '../../fleet/tell.js';
import { type Content, contentsAfter } from '../ledger/content.js';
import { prunedAfter } from '../ledger/pruned.js';
import { compareCarried } from './compare-carried.js';

const PAGE = 1_000;

export interface ToldAll {
  /** Contents that are stored here. */
  told: number;
  /** Contents that another host has stored too. */
  elsewhere: number;
  /** Contents on their way here that another host has now. */
  carriedElsewhere: number;
}

/**
 * `ofOthers`: how contents that two hosts have stored are treated. Errors: SharedError.
 */
export async function tellAll(backend: Backend, shared: Rows, host: string, ofOthers?: OfOthers): Promise<ToldAll> {
  let told = 0;
  let elsewhere = 0;
  const tell = async (contents: readonly Content[]): Promise<void> => {
    const stored = contents.filter(({ state }) => state === 'stored');
    const rows = stored.map((one) => ({ ...one, claim: randomUUID(), job: one.carrier }));
    told += stored.length;
    elsewhere += (await tellStored(shared, host, rows, ofOthers)).length;
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
  return { told, elsewhere, carriedElsewhere: await compareCarried(backend, shared, host) };
}
