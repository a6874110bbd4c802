/**
 * `ingest-ctl allow-again` and `ingest-ctl withdraw`: one transaction each. A withdrawal then writes its correction, and a worker
 * takes the file out.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Backend } from '../../../queue/backend.js';
import { ulidFactory } from '../../../queue/index.js';
import type { FeedOptions } from '../../base/config/options.js';
import { PUBLISH } from '../../base/config/values/stage-names.js';
import { EnvironmentError, OperatorError } from '../../base/errors.js';
import { typed } from '../../base/shell.js';
import { processedOf } from '../../ingest/chains/recorded-outputs.js';
import { whoseFileAt } from '../../ingest/evidence/at-path.js';
import { outputNames, ownName } from '../../ingest/evidence/names.js';
import type { FeedFiles } from '../../ingest/files/feed-files.js';
import { withFiles } from '../../ingest/files/recorded-roots.js';
import {
  type Content,
  contentByHash,
  contentByRow,
  hasEnded,
  placeOf,
  shownPlace,
} from '../../ingest/ledger/content.js';
import { recordException } from '../../ingest/ledger/exceptions.js';
import { writeCorrections } from '../../ingest/manifest/write.js';
import { adoptWithdrawal, decideWithdrawal, type Reason, withdrawalOf } from '../../ingest/upkeep/withdrawal.js';
import type { Named } from './contents-named.js';

/** In this state, or at another host alone. */
export type Allowed = Pick<Named, 'feed'> & { content: Pick<Content, 'sha256' | 'carrier'> };

/** `newest`: the newest generation that any host has, where hosts share a ledger. Returns the generation of the next drop, and whether it was allowed before. Errors: OperatorError. */
export function allowAgain(
  backend: Backend,
  { feed, content: named }: Allowed,
  { who, why }: Reason,
  newest = 0,
): Promise<{ generation: number; isNew: boolean }> {
  return backend.transact((tx) => {
    const content = contentByHash(tx, feed.name, named.sha256);
    if (content ? !hasEnded(content) : newest === 0)
      throw notStored(feed, named, 'what comes now is not a repetition of it');
    const generation = Math.max(content?.generation ?? 0, newest) + 1;
    const key = { feed: feed.name, sha256: named.sha256 };
    return { generation, isNew: recordException(tx, key, { generation, kind: 'allow_again', who, why }) };
  });
}

/**
 * Returns the id of the job that takes the file out. The correction is on disk by then, because a row alone would be lost with the
 * state. Errors: OperatorError; EnvironmentError if the correction cannot be written now (a worker writes it later).
 */
export async function withdraw(backend: Backend, named: Named, said: Reason): Promise<string> {
  const { feed } = named;
  const id = ulidFactory(Date.now)();
  const isStillThere = await liesThereWithdrawn(backend, feed, named.content.row);
  const hour = await backend.transact((tx) => {
    const content = contentByRow(tx, named.content.row);
    if (content === undefined || content.state === 'pruned') throw prunedAway(named.content);
    refuseWithdrawal(named, content, isStillThere);
    if (content.state !== 'withdrawn') decideWithdrawal(tx, feed, content, id, said);
    adoptWithdrawal(tx, feed, content, id, said);
    return content.hour!;
  });
  // Its publication may be held: it ends, because nothing is to be published any more.
  if (backend.job(named.content.carrier)?.stage === PUBLISH)
    await backend.amendHeld([named.content.carrier], () => ({ kind: 'back', to: PUBLISH }));
  await correctNow(backend, feed, hour, id);
  return id;
}

/** Errors: OperatorError if there is nothing to withdraw. */
function refuseWithdrawal({ feed, others }: Named, content: Content, isStillThere: boolean): void {
  if (!hasEnded(content)) throw notStored(feed, content, 'where it is held, `ingest-ctl discard PATH` gives it up');
  if (content.state === 'withdrawn' && !isStillThere) {
    if (others.length > 0) throw whichGeneration(feed, content, others);
    throw new OperatorError(
      'already_withdrawn',
      `${place(feed, content)} is withdrawn already; ${typed('ingest-ctl explain', content.ingestId ?? content.carrier)} says by whom and how far it is.`,
    );
  }
  // A corrected file has the path of the wrong one, and the newest is not the one to be taken out.
  const versions = others.filter(({ sha256 }) => !sha256.equals(content.sha256));
  if (content.state !== 'withdrawn' && versions.length > 0) throw whichVersion(feed, [content, ...versions]);
  if (content.target === null || content.hour === null) {
    throw new OperatorError(
      'not_ours_to_withdraw',
      `${place(feed, content)} was not brought there by this feed, and has no line; remove it by the means that it came by.`,
    );
  }
}

/** True if the withdrawal was discarded, and the file or an output of it is still there. */
async function liesThereWithdrawn(backend: Backend, feed: FeedOptions, row: number): Promise<boolean> {
  const content = backend.read((reader) => contentByRow(reader, row));
  if (content?.state !== 'withdrawn' || content.target === null) return false;
  const underWay = withdrawalOf(backend, content);
  if (underWay) {
    // The process that decided it may have died before the correction was on disk.
    await correctNow(backend, feed, content.hour!, underWay.id);
    return false;
  }
  const processed = backend.read((reader) => processedOf(reader, row));
  const names = [ownName(content)!, ...outputNames(row, processed)];
  const look = async (files: FeedFiles): Promise<boolean> => {
    for (const name of names)
      if ((await whoseFileAt(backend, { feed: feed.name, files, name })) === 'mine') return true;
    return false;
  };
  return withFiles(backend, feed.name, look, (why) => new EnvironmentError('root_unusable', `${why}.`));
}

/** How long to wait for a process that is writing to the same file. */
const CORRECTION_WAIT_MS = 10_000;

function correctNow(backend: Backend, feed: FeedOptions, hour: string, id: string): Promise<void> {
  const write = async (files: FeedFiles) => {
    const to = { backend, emit: () => {}, feed: feed.name, manifests: files.roots.manifests, root: files.manifests };
    const isOwed = () =>
      backend.read((reader) => reader.get('SELECT 1 FROM corrections WHERE job = ?', id)) !== undefined;
    for (const endMs = performance.now() + CORRECTION_WAIT_MS; isOwed(); ) {
      await writeCorrections(to, hour, [id]);
      if (!isOwed()) return;
      if (performance.now() > endMs) throw owedStill(`${files.roots.manifests}/${hour} is in use`);
      await sleep(50);
    }
  };
  return withFiles(backend, feed.name, write, owedStill);
}

const owedStill = (why: string): EnvironmentError =>
  new EnvironmentError(
    'correction_owed',
    `its correction cannot be written now (${why}): a worker writes it as soon as it can, and takes the file out then. Until that the withdrawal stands in the state alone.`,
  );

const whichGeneration = (feed: FeedOptions, content: Content, others: readonly Content[]): OperatorError =>
  new OperatorError(
    'which_generation',
    `${place(feed, content)} is withdrawn already, and what was named may also mean ${choices(feed, others)}; name the ingest_id that is meant.`,
  );

const whichVersion = (feed: FeedOptions, versions: readonly Content[]): OperatorError =>
  new OperatorError(
    'which_generation',
    `several files came by that name: ${choices(feed, versions)}, the newest first; name the ingest_id of the one that is wrong.`,
  );

const choices = (feed: FeedOptions, contents: readonly Content[]): string =>
  contents.map((one) => `${place(feed, one)} (ingest_id ${one.ingestId})`).join(' or ');

const prunedAway = ({ sha256, sourcePath }: Content): OperatorError =>
  new OperatorError(
    'not_ours_to_withdraw',
    `the record of ${sha256.toString('hex')} was pruned, and with it where its file lies; its line is in ${sourcePath.toString()}: remove the file by hand.`,
  );

const notStored = (feed: FeedOptions, content: Allowed['content'], hint: string): OperatorError =>
  new OperatorError(
    'content_under_way',
    `the content ${content.sha256.toString('hex')} of feed ${feed.name} is on its way with job ${content.carrier} and not stored yet; wait until it is: ${hint}.`,
  );

const place = (feed: FeedOptions, content: Content): string => shownPlace(feed.warehouse, placeOf(content));
