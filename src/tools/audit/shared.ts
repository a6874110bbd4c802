/**
 * `audit --fleet`: what PostgreSQL has of this host, compared with its ledger.
 * Guarantees: only reads. A content that ends while it is compared is no difference: the ledger is read again.
 */
import type { QueueView } from '../../../queue/index.js';
import { EnvironmentError } from '../../base/errors.js';
import { pages } from '../../base/pages.js';
import { contentOfKey, hasEndedHere } from '../../ingest/ledger/content.js';
import { sharingHost } from '../../ingest/ledger/host.js';
import type { Rows } from '../../shared-ledger/database.js';
import { conflictsOf, type Key, keyOf, PAGE, pagesOf, rowsOf, storedBy } from '../../shared-ledger/statements.js';
import { type DifferenceKind, difference, type Report } from './words.js';

/** Stored here, and recorded there. While everything is recorded again, the rows after the cursor are not compared. */
const TOLD = `SELECT row, feed, sha256, generation FROM contents WHERE row > ? AND row <= ? AND told = 1
  AND state IN ('stored', 'unconfirmed', 'learned', 'pruned')
  AND NOT EXISTS (SELECT 1 FROM host WHERE contents.row > cursor) ORDER BY row LIMIT ${PAGE}`;

type ToldRow = Key & { row: number };

/** `feed`: only this one. Errors: SharedError; EnvironmentError where the state has not joined. */
export async function judgeShared(
  view: Pick<QueueView, 'read'>,
  shared: Rows,
  feed: string | undefined,
  report: Report,
): Promise<void> {
  const me = view.read(sharingHost)?.id;
  if (me === undefined)
    throw new EnvironmentError('shared_ledger_not_joined', 'this state has not joined: run ingest-ctl host join NAME.');
  const say = (kind: DifferenceKind, { feed: of, sha256, generation }: Key, what: string): void => {
    const at = `${sha256.toString('hex')}${generation === 1 ? '' : ` (generation ${generation})`}`;
    if (feed === undefined || feed === of) report(difference(kind, of, at, what));
  };
  const told = (after: number, to: number) => view.read((rows) => rows.all<ToldRow>(TOLD, after, to));
  const toldAfter = (last?: ToldRow) => told(last?.row ?? 0, Number.MAX_SAFE_INTEGER);
  /** By content: both had it before they joined. */
  const conflicts = new Map<string, boolean>();
  for await (const page of pagesOf(conflictsOf, shared, me))
    for (const one of page) conflicts.set(keyOf(one), one.beforeJoin);
  for (const page of pages(toldAfter)) {
    const there = new Map((await rowsOf(shared, page)).map((one) => [keyOf(one), one]));
    for (const content of page) {
      const { host, state } = there.get(keyOf(content)) ?? {};
      if (host === me && state === 'stored') continue;
      const isBeforeJoin = conflicts.get(keyOf(content));
      // A conflict that the other host has ended, by a withdrawal: a round finds that, and records this content again.
      if (isBeforeJoin || (isBeforeJoin === false && state !== 'stored')) continue;
      if (told(content.row - 1, content.row).length === 0) continue;
      if (state === 'stored') say('stored_twice', content, 'another host has stored it too');
      else
        say('shared_row_missing', content, `it is stored here, and the shared ledger has it as ${state ?? 'unknown'}`);
    }
  }
  for await (const page of pagesOf(storedBy, shared, me))
    for (const key of page)
      if (!view.read((rows) => hasEndedHere(contentOfKey(rows, key))))
        say('shared_row_unknown', key, 'the shared ledger has it as stored here, and this state does not know it');
}
