/**
 * The membership of a host in the shared ledger, as an operator changes it: join, adopt, renew, rejoin, forget.
 * Guarantees: each can be repeated after an interruption. From its first write on, the state starts no work until it has sent all its
 * contents and compared those on their way. Anything that its programs store or give up meanwhile is in the outbox.
 * Errors of all functions: SharedError.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Backend } from '../../../queue/backend.js';
import { COUNTED_MAX, giveUpRows, othersInFeed } from '../../fleet/compare.js';
import type { Rows } from '../../fleet/connection.js';
import { SharedError } from '../../fleet/errors.js';
import { type EnteredHost, enterHost, forgetHost, hostNamed, joinHost, rememberHost } from '../../fleet/hosts.js';
import { checkSchema, makeTables } from '../../fleet/schema.js';
import type { OfOthers } from '../../fleet/send.js';
import { contentsAfter } from '../ledger/content.js';
import { beginSharing, sharedHost } from '../outbox/host.js';
import { continueAfter } from '../outbox/outbox.js';
import { placeOfState } from './place.js';
import { type SentAll, sendAll } from './send-all.js';
import { unknownHere } from './unknown-here.js';

const LOOK_MS = 1_000;

/** The operator's state, and the shared ledger. */
export interface Member {
  backend: Backend;
  statePath: string;
  shared: Rows;
}

export interface Entered extends SentAll {
  /** Contents that the shared ledger has as stored here, and that this state does not know. */
  unknown: number;
}

/** The feeds in which both this state and other hosts have contents already, and how many the others have. */
export async function metFeeds({ backend, shared }: Member): Promise<{ feed: string; contents: string }[]> {
  await makeTables(shared);
  const known = backend.read(sharedHost);
  const met: { feed: string; contents: string }[] = [];
  if (known?.joined || backend.read((reader) => contentsAfter(reader, 0, 1)).length === 0) return met;
  for (const { name } of backend.feeds()) {
    const contents = await othersInFeed(shared, known?.id ?? backend.uuid, name);
    const isMore = contents === COUNTED_MAX;
    if (contents > 0) met.push({ feed: name, contents: isMore ? `more than ${contents}` : String(contents) });
  }
  return met;
}

/** Makes this state a host. May be repeated at any time. */
export async function join(member: Member, name: string): Promise<Entered> {
  const { backend, shared, statePath } = member;
  await makeTables(shared);
  const known = backend.read(sharedHost);
  const id = known?.id ?? backend.uuid;
  await named(joinHost(shared, { id, name, place: placeOfState(statePath) }), shared, name);
  return become(member, { id, name }, { known: known?.incarnation, ofOthers: 'before_join' });
}

/** Makes this state that existing host: the state was moved, or rebuilt, or is the one of two copies that counts. */
export async function adopt(member: Member, name: string): Promise<Entered> {
  return become(member, { id: await hostNamed(member.shared, name), name });
}

/** Makes a copy of a state a new host of its own. */
export async function renew(member: Member, name: string): Promise<Entered> {
  const { shared, statePath, backend } = member;
  const before = backend.read(sharedHost);
  // Repeated after an interruption, it stays the same new host.
  const id = before && !before.joined ? before.id : randomUUID();
  await named(joinHost(shared, { id, name, place: placeOfState(statePath) }), shared, name);
  return become(member, { id, name }, { ofOthers: 'before_join' });
}

/** A forgotten host is back. Contents that it carried and that others have taken since are asked for again by its jobs. */
export async function rejoin(member: Member, name: string): Promise<Entered> {
  const { backend, shared } = member;
  const id = await hostNamed(shared, name);
  const known = backend.read(sharedHost);
  if (known) await backend.transact((tx) => beginSharing(tx, { ...known, joined: false }));
  await rememberHost(shared, id);
  return become(member, { id, name });
}

/** The id of a host that has joined and may act. Errors: SharedError, if the host is used elsewhere, forgotten or unknown. */
export async function enterAgain(backend: Pick<Backend, 'read'>, shared: Rows, statePath: string): Promise<string> {
  const { id, incarnation } = backend.read(sharedHost)!;
  await enterHost(shared, { id, place: placeOfState(statePath) }, incarnation, {});
  return id;
}

/** Returns how many contents are free again. */
export async function forget(shared: Rows, name: string): Promise<number> {
  await checkSchema(shared);
  return forgetHost(shared, await hostNamed(shared, name));
}

/**
 * Contents that the shared ledger has as this host's and that its state does not know, because the state is an older copy. `free`:
 * gives them up, so that others may ingest them. Returns how many.
 */
export async function lost({ backend, shared, statePath }: Member, free: boolean): Promise<number> {
  const host = backend.read(sharedHost);
  if (!host) throw new SharedError('place', 'not_joined', 'this state has never joined a shared ledger');
  let found = 0;
  for await (const rows of unknownHere(backend, shared, host.id)) {
    found += rows.length;
    if (free) await giveUpRows(shared, host.id, rows);
  }
  if (!free) return found;
  const { counter } = await enterHost(shared, { id: host.id, place: placeOfState(statePath) }, host.incarnation, {});
  await backend.transact((tx) => continueAfter(tx, counter));
  return found;
}

interface Become {
  /** The incarnation that the state must know; undefined: any. */
  known?: bigint | undefined;
  ofOthers?: OfOthers;
}

async function become(
  { backend, shared, statePath }: Member,
  { id, name }: { id: string; name: string },
  { known, ofOthers }: Become = {},
): Promise<Entered> {
  await checkSchema(shared);
  const place = placeOfState(statePath);
  const { incarnation, counter } = await entered(shared, { id, place }, known);
  const row = { id, name, ledger: shared.where, incarnation };
  await backend.transact((tx) => beginSharing(tx, { ...row, joined: false }));
  const sent = await sendAll(backend, shared, id, ofOthers);
  let unknown = 0;
  for await (const rows of unknownHere(backend, shared, id)) unknown += rows.length;
  await backend.transact((tx) => {
    beginSharing(tx, { ...row, joined: true });
    continueAfter(tx, counter);
  });
  return { ...sent, unknown };
}

/** Enters the host. If it last ran elsewhere, its old place is watched for half a minute. */
async function entered(
  shared: Rows,
  host: { id: string; place: string },
  known: bigint | undefined,
): Promise<EnteredHost> {
  for (const watched = {}; ; ) {
    try {
      return await enterHost(shared, host, known, watched);
    } catch (error) {
      if (!(error instanceof SharedError && error.code === 'host_is_watched')) throw error;
      await pause(LOOK_MS);
    }
  }
}

async function named(act: Promise<void>, shared: Rows, name: string): Promise<void> {
  try {
    await act;
  } catch (error) {
    if (!(error instanceof SharedError && error.code === '23505')) throw error;
    throw new SharedError(
      'place',
      'host_name_taken',
      `the shared ledger ${shared.where} has a host ${name} already: choose another name, or, if this state is that host, run ingest-ctl host adopt ${name}`,
    );
  }
}
