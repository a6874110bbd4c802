/**
 * Handles the contents of an older state that are still on the way when all lines and jobs are done. No line is about them.
 */
import type { Backend, Job, Tx } from '../../../queue/backend.js';
import { pages } from '../../base/pages.js';
import { forgetOutputs } from '../../ingest/chains/recorded-outputs.js';
import { rowOf } from '../../ingest/evidence/case.js';
import { judge } from '../../ingest/evidence/table.js';
import type { FeedFiles } from '../../ingest/files/feed-files.js';
import { type Content, contentByRow, hasEnded, UNDER_WAY } from '../../ingest/ledger/content.js';
import { forgetNames } from '../../ingest/ledger/names.js';
import { describe } from '../../ingest/ledger/stored.js';
import { factsOf } from '../../ingest/rules/facts.js';
import { isUnseen } from './state/older.js';
import { sealedOf } from './state/sealed.js';

const PAGE = 500;

/** Repairs contents without a carrier, planned lines that were never written, and jobs that wait for nothing. */
export async function settleContents(backend: Backend, feed: string, files: FeedFiles): Promise<void> {
  const sql = `SELECT row FROM contents WHERE feed = ? AND row > ? AND ${UNDER_WAY} ORDER BY row LIMIT ${PAGE}`;
  const pageAfter = (last = { row: 0 }) => backend.read((r) => r.all<{ row: number }>(sql, feed, last.row));
  for (const page of pages(pageAfter)) {
    const away = new Set(page.filter(({ row }) => hasUnseenCarrier(backend, row, files)).map(({ row }) => row));
    await backend.transact((tx) => {
      for (const { row } of page) if (!away.has(row)) settleContent(tx, feed, contentByRow(tx, row)!);
    });
  }
  await backend.transact((tx) => forgetPlans(tx, feed));
}

function hasUnseenCarrier(backend: Backend, row: number, files: FeedFiles): boolean {
  const content = backend.read((r) => contentByRow(r, row));
  return content !== undefined && isUnseen(backend, content.feed, content.carrier, files);
}

function settleContent(tx: Tx, feed: string, content: Content): void {
  const job = tx.job(content.carrier);
  const isAlive = job !== undefined && job.state !== 'done' && !factsOf(job).putAway;
  const own = isAlive ? sealedOf(tx, feed, job.id) : [];
  // A job without its file goes to `hash`, which reports it missing or gets the content of what was written to it; or to `move`, which
  // checks the target and the file.
  const isMoving = isAlive && (job.stage === 'move' || (job.stage === 'manifest' && own.length > 0));
  const isCarried =
    own.some(({ sha256 }) => sha256.equals(content.sha256)) || (content.state === 'manifested' && isMoving);
  const { acts } = judge({
    row: rowOf(content),
    job: isCarried ? 'open' : 'none',
    line: 'none',
    back: 'no',
    path: 'not_looked',
    sealed: isCarried ? 'file' : 'none',
  });
  if (acts.includes('plan_again')) unplan(tx, content, job!);
  if (acts.includes('enter_unconfirmed')) {
    // A content with a line is not stored a second time, wherever its file is.
    tx.run("UPDATE contents SET state = 'unconfirmed' WHERE row = ?", content.row);
    tx.count(feed, 'move', 'stored', 1, content.size);
  }
  if (acts.includes('free_row')) {
    forgetNames(tx, [content.row]);
    tx.run('DELETE FROM contents WHERE row = ?', content.row);
    forgetOutputs(tx, [content.row]);
  }
}

/** The line is not in the manifest, so it is planned again for the file that carries the content now. */
function unplan(tx: Tx, { row }: Content, carrier: Job): void {
  tx.run('UPDATE contents SET target = NULL, hour = NULL, ingest_id = NULL, ingested_at_ms = NULL WHERE row = ?', row);
  forgetNames(tx, [row]);
  const { sealed } = factsOf(carrier);
  if (sealed) describe(tx, row, carrier, sealed);
}

function forgetPlans(tx: Tx, feed: string): void {
  tx.run('DELETE FROM appends WHERE feed = ?', feed);
  const waits = tx.all<{ on: string }>(
    "SELECT DISTINCT waits_on AS 'on' FROM all_jobs WHERE feed = ? AND state = 'waiting'",
    feed,
  );
  for (const { on } of waits) {
    const content = contentByRow(tx, Number(on.slice(on.indexOf(':') + 1)));
    if (content === undefined || hasEnded(content)) tx.wake([on]);
  }
}
