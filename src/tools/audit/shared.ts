/** Compares the shared ledger's rows of this host with the host's own ledger, for `audit --fleet`. */
import type { QueueView } from '../../../queue/index.js';
import { conflictsOf, ownersOf } from '../../fleet/compare.js';
import type { Rows } from '../../fleet/connection.js';
import { keyOf } from '../../fleet/send.js';
import { type Content, contentsAfter } from '../../ingest/ledger/content.js';
import { sharedHost } from '../../ingest/outbox/host.js';
import { isUnsent } from '../../ingest/outbox/outbox.js';
import { unknownHere } from '../../ingest/shared-ledger/unknown-here.js';
import { difference, type Report } from './words.js';

const PAGE = 1_000;

/** `feed`: only this feed is compared. Errors: SharedError. */
export async function judgeShared(
  view: QueueView,
  shared: Rows,
  feed: string | undefined,
  report: Report,
): Promise<void> {
  const host = view.read(sharedHost);
  if (!host) return;
  for (let row = 0; ; ) {
    const page = view.read((reader) => contentsAfter(reader, row, PAGE));
    const stored = page.filter((one) => one.state === 'stored' && (feed === undefined || one.feed === feed));
    if (stored.length > 0) await judgePage(view, shared, host.id, stored, report);
    row = page.at(-1)?.row ?? 0;
    if (page.length < PAGE) break;
  }
  for await (const rows of unknownHere(view, shared, host.id))
    for (const { sha256, feed: of, generation } of rows)
      if (feed === undefined || of === feed)
        report(
          difference(
            'shared_row_unknown',
            of,
            nameOf({ sha256, generation }),
            'the shared ledger counts it as stored here, and this state does not know it',
          ),
        );
}

async function judgePage(
  view: QueueView,
  shared: Rows,
  host: string,
  contents: readonly Content[],
  report: Report,
): Promise<void> {
  const owners = new Map((await ownersOf(shared, contents)).map((row) => [keyOf(row), row]));
  const noted = new Map((await conflictsOf(shared, host, contents)).map((row) => [keyOf(row), row]));
  for (const content of contents) {
    const owner = owners.get(keyOf(content));
    if (owner?.host === host && owner.state === 'stored') continue;
    if (view.read((reader) => isUnsent(reader, content.sha256))) continue;
    const conflict = noted.get(keyOf(content));
    if (conflict?.beforeJoin) continue;
    const [kind, what] = conflict
      ? (['stored_twice', 'another host has stored it too'] as const)
      : (['shared_row_missing', 'it is stored here, and the shared ledger does not know that'] as const);
    report(difference(kind, content.feed, nameOf(content), what));
  }
}

const nameOf = ({ sha256, generation }: Pick<Content, 'sha256' | 'generation'>): string =>
  generation === 1 ? sha256.toString('hex') : `${sha256.toString('hex')} (generation ${generation})`;
