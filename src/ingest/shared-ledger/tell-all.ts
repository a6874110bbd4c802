/** Tells the shared ledger of all contents that this host carries, or has stored, learned and pruned. */
import { randomUUID } from 'node:crypto';
import type { Backend } from '../../../queue/backend.js';
import type { Rows } from '../../fleet/connection.js';
import { type Carried, tellCarried, tellStored } from '../../fleet/tell.js';
import { type Content, contentsAfter } from '../ledger/content.js';
import { prunedAfter } from '../ledger/pruned.js';
import { claimOf, noteClaim } from '../sharing/claims.js';

const PAGE = 1_000;

export interface Joined {
  /** Contents. */
  told: number;
  /** Of them, that another host has stored too. */
  elsewhere: number;
}

/** Can be done again at any time: what was told is as it was. Errors: SharedError. */
export async function tellAll(backend: Backend, shared: Rows, host: string): Promise<Joined> {
  const joined: Joined = { told: 0, elsewhere: 0 };
  const tell = async (contents: readonly Content[]): Promise<void> => {
    const stored = contents.filter(({ state }) => state === 'stored');
    await tellCarried(
      shared,
      host,
      await claimed(
        backend,
        contents.filter(({ state }) => state !== 'stored'),
      ),
    );
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

/** Each with its claim; what was on its way before the host joined gets one now. */
async function claimed(backend: Backend, contents: readonly Content[]): Promise<Carried[]> {
  if (contents.length === 0) return [];
  return backend.transact((tx) =>
    contents.map((content) => {
      const claim = claimOf(tx, content.row) ?? randomUUID();
      noteClaim(tx, content.row, claim);
      return { ...content, job: content.carrier, claim };
    }),
  );
}
