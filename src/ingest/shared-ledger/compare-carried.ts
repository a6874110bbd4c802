/**
 * Compares the contents on their way here with the shared ledger. The ledger may have lost rows (a restore), or an operator may have
 * said that this host is gone.
 * Guarantees: a content that nobody has there becomes this host's again. A content that another host has is noted here, and its job
 * asks again before it gets a line.
 */
import { randomUUID } from 'node:crypto';
import type { Backend, Tx } from '../../../queue/backend.js';
import { type OwnedRow, ownersOf } from '../../fleet/compare.js';
import type { Rows } from '../../fleet/connection.js';
import { type Carried, keyOf, sendCarried } from '../../fleet/send.js';
import { type Content, contentByRow, openContentsAfter } from '../ledger/content.js';
import { claimOf, noteClaim, noteElsewhere } from '../outbox/claims.js';

const PAGE = 1_000;

interface Known extends Carried {
  row: number;
}

/** Returns the number of contents that another host has and that were not known here as such. Errors: SharedError. */
export async function compareCarried(backend: Backend, shared: Rows, host: string): Promise<number> {
  let elsewhere = 0;
  for (let row = 0; ; ) {
    const page = backend.read((reader) => openContentsAfter(reader, row, PAGE));
    if (page.length > 0) elsewhere += await comparePage(backend, shared, host, page);
    row = page.at(-1)?.row ?? 0;
    if (page.length < PAGE) return elsewhere;
  }
}

async function comparePage(
  backend: Backend,
  shared: Rows,
  host: string,
  contents: readonly Content[],
): Promise<number> {
  const carried = await claimed(backend, contents);
  const known = byKey(await ownersOf(shared, carried));
  const missing = carried.filter((one) => !known.has(keyOf(one)));
  if (missing.length > 0) {
    // A content that was given up since the page was read: the outbox has its end and sends it.
    const there = backend.read((reader) => missing.filter(({ row }) => contentByRow(reader, row) !== undefined));
    await sendCarried(shared, host, there);
    for (const [key, owner] of byKey(await ownersOf(shared, there))) known.set(key, owner);
  }
  return backend.transact((tx) => carried.filter((one) => isNewElsewhere(tx, one, known.get(keyOf(one)), host)).length);
}

function isNewElsewhere(tx: Tx, { row, claim }: Known, owner: OwnedRow | undefined, host: string): boolean {
  if (!owner || claimOf(tx, row) === undefined) return false;
  if (owner.host !== host) return noteElsewhere(tx, row);
  if (owner.claim !== claim && owner.state === 'carried') noteClaim(tx, row, owner.claim);
  return false;
}

/** Returns each content with its claim. A content that was on its way before the host joined gets a claim now. */
const claimed = (backend: Backend, contents: readonly Content[]): Promise<Known[]> =>
  backend.transact((tx) =>
    contents.map((content) => {
      const known = claimOf(tx, content.row);
      const claim = known ?? randomUUID();
      if (known === undefined) noteClaim(tx, content.row, claim);
      return { ...content, job: content.carrier, claim };
    }),
  );

const byKey = (rows: readonly OwnedRow[]): Map<string, OwnedRow> => new Map(rows.map((row) => [keyOf(row), row]));
