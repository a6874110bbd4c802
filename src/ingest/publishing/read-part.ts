/** Enters a line of a part into a state that does not know it: a rebuilt one, or an older copy. */
import type { Tx } from '../../../queue/backend.js';
import { ulidFactory } from '../../../queue/index.js';
import type { FeedOptions } from '../../base/config/options.js';
import { type Content, contentOfGeneration, generationsOf, stands } from '../ledger/content.js';
import { TOLD_OF_AN_END } from '../ledger/host.js';
import { keepPruned } from '../ledger/pruned.js';
import { enterPublications, forgetPublications, noteLocalGone } from '../ledger/publications.js';
import { generationOf, processedIn, type ReadRecord, recordOf } from '../manifest/read.js';
import { adoptWithdrawal, decideWithdrawal } from '../upkeep/withdrawal.js';

const NAME = 'UPDATE OR IGNORE publications SET key = ? WHERE content = ? AND n = ? AND key <> ?';

/** A line of our own about the same content is dropped. Doing it twice is safe. */
export function enterLine(tx: Tx, feed: FeedOptions, part: string, line: string): void {
  const record = recordOf(line);
  if (record?.fields.correction !== undefined) return void enterCorrection(tx, feed, part, record);
  const content = record && contentOf(tx, feed.name, record);
  if (!content) return;
  tx.run('DELETE FROM part_lines WHERE content = ? AND is_correction = 0', content.row);
  const keys = keysIn(record);
  enterPublications(tx, content, keys);
  // An older copy of the state may have planned another target. A key that is another content's already stays there.
  for (const { n, key } of keys) tx.run(NAME, key, content.row, n, key);
  tx.run("UPDATE publications SET etag = coalesce(etag, ''), upload = NULL WHERE content = ?", content.row);
  tx.run('UPDATE publications SET part = ? WHERE content = ? AND n = 0', part, content.row);
  // Nobody saw it at its target, and it is in the bucket.
  const isUnseen = content.state === 'unconfirmed' && content.target !== null;
  if (isUnseen) tx.run("UPDATE contents SET state = 'stored' WHERE row = ?", content.row);
  if (isUnseen || content.state === 'pruned') noteLocalGone(tx, content.row);
}

/** Undefined where the state has the content under another ingest id: it came again before its line was read. */
function contentOf(tx: Tx, feed: string, record: ReadRecord): Content | undefined {
  const [sha256, generation] = [Buffer.from(record.sha256, 'hex'), generationOf(record)];
  const find = (): Content | undefined => contentOfGeneration(tx, feed, sha256, generation);
  const known = find();
  // A content of an older copy of the state may have no line yet: its job is its ingest id.
  const isOfLine = known?.state === 'pruned' || (known?.ingestId ?? known?.carrier) === record.ingestId;
  if (known) return isOfLine ? known : undefined;
  // The manifests of this machine were lost too. A file that brings it again is a duplicate.
  const hour = String(record.fields.ingested_at).slice(0, 13).replaceAll(/[-T]/g, '/');
  keepPruned(tx, { feed, sha256, generation, hour });
  const content = find();
  tx.run(`UPDATE contents SET told = ${TOLD_OF_AN_END} WHERE row = ?`, content!.row);
  return content;
}

/** A correction names no generation. */
function enterCorrection(tx: Tx, feed: FeedOptions, part: string, record: ReadRecord): void {
  const all = generationsOf(tx, feed.name, Buffer.from(record.sha256, 'hex'));
  const content = all.find(({ ingestId }) => ingestId === record.ingestId);
  // The content is known by its line alone, and its objects are gone, or on their way out.
  if (!content) return void forgetPublished(tx, keysIn(record)[0]!.key);
  tx.run('DELETE FROM part_lines WHERE content = ? AND is_correction = 1', content.row);
  tx.run('UPDATE publications SET correction = ? WHERE content = ? AND n = 0', part, content.row);
  const { by: who, reason } = record.fields;
  // An operator withdrew it after this copy of the state was made.
  if (typeof who !== 'string' || !stands(content)) return;
  const [id, said] = [newId(), { who, why: String(reason) }];
  decideWithdrawal(tx, feed, content, id, said);
  adoptWithdrawal(tx, feed, content, id, said);
}

const newId = ulidFactory(Date.now);

function forgetPublished(tx: Tx, key: string): void {
  const its = tx.get<{ content: number }>('SELECT content FROM publications WHERE key = ?', key);
  if (its) forgetPublications(tx, [its.content]);
}

/** The keys of the objects that a line names: its own, and those of its outputs. */
function keysIn(record: ReadRecord): { n: number; key: string }[] {
  const outputs = processedIn(record)?.outputs ?? [];
  const paths = [String(record.fields.warehouse_path), ...outputs.map(({ path }) => path.toString('utf8'))];
  return paths.map((path, n) => ({ n, key: path.replace(/^s3:\/\/[^/]+\//, '') }));
}
