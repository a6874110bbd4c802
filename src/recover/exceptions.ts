/**
 * `ingest-ctl allow-again` and `ingest-ctl withdraw`: one transaction each. What has to be done on disk for a withdrawal is a
 * job of its own, decided from its first row on: a worker writes the correction and takes the file out.
 */
import type { Backend, Tx } from '../../queue/backend.js';
import { ulidFactory } from '../../queue/index.js';
import type { FeedOptions } from '../config/options.js';
import { OperatorError } from '../errors.js';
import { type Content, contentByHash, contentByRow, placeOf, shownPlace } from '../ledger/content.js';
import { recordException } from '../ledger/exceptions.js';
import { correctionLine } from '../manifest/record.js';
import { type PutAway, payloadOf } from '../stages/job.js';
import type { Named } from './contents-named.js';

export interface Said {
  who: string;
  why: string;
}

/** Answers the generation that the next drop becomes, and whether that was allowed before. Errors: OperatorError. */
export function allowAgain(
  backend: Backend,
  { feed, content: named }: Named,
  { who, why }: Said,
): Promise<{ generation: number; isNew: boolean }> {
  return backend.transact((tx) => {
    const content = contentByHash(tx, feed.name, named.sha256);
    if (content?.state !== 'stored') throw notStored(feed, named, 'what comes now is not a repetition of it');
    const generation = content.generation + 1;
    return { generation, isNew: recordException(tx, content, { generation, kind: 'allow_again', who, why }) };
  });
}

/** Answers the id of the job that takes it out. Errors: OperatorError. */
export async function withdraw(backend: Backend, { feed, content: named }: Named, said: Said): Promise<string> {
  const id = ulidFactory(Date.now)();
  await backend.transact((tx) => {
    if (named.note === 'pruned') {
      throw new OperatorError(
        'not_ours_to_withdraw',
        `the record of ${named.sha256.toString('hex')} was pruned, and with it where its file lies; its line is in ${named.sourcePath.toString()}: remove the file by hand.`,
      );
    }
    const content = contentByRow(tx, named.row);
    if (content?.state !== 'stored') throw notStored(feed, named, 'where it is held, ingest-ctl discard gives it up');
    if (content.note === 'withdrawn') {
      throw new OperatorError(
        'already_withdrawn',
        `${place(feed, content)} is withdrawn already; ingest-ctl explain says by whom and how far it is.`,
      );
    }
    if (content.target === null || content.hour === null) {
      throw new OperatorError(
        'not_ours_to_withdraw',
        `${place(feed, content)} was not brought there by this feed, and has no line; remove it by the means that it came by.`,
      );
    }
    decideWithdrawal(tx, feed, content, id, said);
  });
  return id;
}

function decideWithdrawal(tx: Tx, feed: FeedOptions, content: Content, id: string, { who, why }: Said): void {
  const { row, generation, sha256, size: bytes, device, inode, mtimeNs, sourcePath: key } = content;
  recordException(tx, content, { generation, kind: 'withdraw', who, why });
  tx.run("UPDATE contents SET note = 'withdrawn', updated_at_ms = ? WHERE row = ?", tx.wallMs, row);
  const line = correctionLine(content, feed, why, tx.wallMs, who);
  tx.run('INSERT INTO corrections (job, hour, line) VALUES (?, ?, ?)', id, content.hour, line);
  const putAway: PutAway = { kind: 'withdrawn', by: who, note: why };
  const payload = payloadOf({ sha256: sha256.toString('hex'), content: row, putAway });
  const identity = `${device}:${inode}:${bytes}:${mtimeNs}:0`;
  tx.adopt({ id, feed: feed.name, key, identity, bytes, stage: 'move', payload });
}

const notStored = (feed: FeedOptions, content: Content, hint: string): OperatorError =>
  new OperatorError(
    'content_under_way',
    `the content ${content.sha256.toString('hex')} of feed ${feed.name} is on its way with job ${content.carrier} and not stored yet; wait until it is: ${hint}.`,
  );

const place = (feed: FeedOptions, content: Content): string => shownPlace(feed.warehouse, placeOf(content));
