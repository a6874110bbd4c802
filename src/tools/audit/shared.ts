/**
 * `audit --fleet`: what PostgreSQL has of this host, compared with its ledger.
 * Guarantees: only reads. A content that ends, or is told, while it is compared is no difference: the ledger is read again.
 */
import type { QueueView } from '../../../queue/index.js';
import { EnvironmentError } from '../../base/errors.js';
import { contentOfGeneration, hasEnded } from '../../ingest/ledger/content.js';
import { sharingHost } from '../../ingest/sharing/host.js';
import type { Rows } from '../../shared-ledger/database.js';
import { conflictsOf, type Key, keyOf, rowsOf, storedBy } from '../../shared-ledger/statements.js';
import { type DifferenceKind, difference, type Report } from './words.js';

const PAGE = 1_000;
/** Stored here, and told. While everything is told again, the rows after the cursor are not compared. */
const TOLD = `told = 1 AND state IN ('stored', 'unconfirmed', 'learned', 'pruned')
  AND NOT EXISTS (SELECT 1 FROM host WHERE contents.row > cursor)`;

interface Told extends Key {
  row: number;
}

/** `feed`: only this one. Errors: SharedError; EnvironmentError where the state has not joined. */
export async function judgeShared(
  view: Pick<QueueView, 'read'>,
  shared: Rows,
  feed: string | undefined,
  report: Report,
): Promise<void> {
  const host = view.read(sharingHost);
  if (!host)
    throw new EnvironmentError(
      'shared_ledger_not_joined',
      `this state has not joined the shared ledger ${shared.where}: run ingest-ctl host join NAME first.`,
    );
  const say = (kind: DifferenceKind, key: Key, what: string): void => {
    const sha256 = key.sha256.toString('hex');
    const at = key.generation === 1 ? sha256 : `${sha256} (generation ${key.generation})`;
    if (feed === undefined || feed === key.feed) report(difference(kind, key.feed, at, what, { sha256 }));
  };
  const noted = new Set<string>();
  for (const one of await conflictsOf(shared, host.id)) {
    noted.add(keyOf(one));
    if (one.isBoth && !one.beforeJoin) say('stored_twice', one, 'another host has stored it too');
  }
  const isTold = (row: number) =>
    view.read((rows) => rows.get(`SELECT 1 FROM contents WHERE row = ? AND ${TOLD}`, row));
  for (let row = 0; ; ) {
    const page = view.read((rows) =>
      rows.all<Told>(
        `SELECT row, feed, sha256, generation FROM contents WHERE row > ? AND ${TOLD} ORDER BY row LIMIT ${PAGE}`,
        row,
      ),
    );
    const there = new Map((await rowsOf(shared, page)).map((one) => [keyOf(one), one]));
    for (const content of page) {
      const other = there.get(keyOf(content));
      if ((other?.host === host.id && other.state === 'stored') || noted.has(keyOf(content)) || !isTold(content.row))
        continue;
      const isTwice = other?.state === 'stored';
      const what = `it is stored here, and the shared ledger ${other ? `has it as ${other.state}${other.host === host.id ? '' : ` at ${other.hostName}`}` : 'does not know it'}`;
      say(isTwice ? 'stored_twice' : 'shared_row_missing', content, what);
    }
    if (page.length < PAGE) break;
    row = page.at(-1)!.row;
  }
  for (let after: Key | undefined; ; ) {
    const page = await storedBy(shared, host.id, after, PAGE);
    for (const key of page) {
      const content = view.read((rows) => contentOfGeneration(rows, key.feed, key.sha256, key.generation));
      if (!content || !hasEnded(content) || content.state === 'elsewhere')
        say('shared_row_unknown', key, 'the shared ledger has it as stored here, and this state does not know it');
    }
    if (page.length < PAGE) return;
    after = page.at(-1);
  }
}
