/**
 * `ingest-ctl host join`: gives this state its part in the shared ledger, or gives it back after it was moved, restored or rebuilt.
 * Guarantees: killed anywhere it is run again, and nothing is asked or told until it has ended; a refused one has changed nothing.
 * Does not: run beside another process of the state.
 */
import { randomUUID } from 'node:crypto';
import type { Backend } from '../../../queue/backend.js';
import { EnvironmentError } from '../../base/errors.js';
import { shownSeconds } from '../../base/telemetry/safe.js';
import type { Rows } from '../../shared-ledger/database.js';
import { enter, enterNew, FORGET_AFTER_MS, type HostRow, hostOfId, hostOfName } from '../../shared-ledger/hosts.js';
import { makeTables } from '../../shared-ledger/schema.js';
import {
  conflictsOf,
  dropConflicts,
  dropStored,
  type Key,
  pagesOf,
  type Sender,
  type Statement,
  storedBy,
} from '../../shared-ledger/statements.js';
import { contentOfKey, hasEndedHere } from '../ledger/content.js';
import { JOINING, leaveSharing, noteRevision, putHost, type SharingHost, sharingHost } from '../ledger/host.js';
import { placeOfState } from './place.js';

export interface Joining {
  backend: Backend;
  statePath: string;
  shared: Rows;
  /** Go on as the host that has the name, if it was silent for an hour. */
  takeOver: boolean;
  /** Free what the shared ledger has as stored here and this state does not know. */
  isSure: boolean;
}

/** Contents that the shared ledger has as stored here, and the state has not; they are free again where `isSure`. `some`: the first ones. */
export interface Unknown {
  count: number;
  some: Key[];
}
const SOME = 10;

/** Errors: EnvironmentError, SharedError. */
export async function join(joining: Joining, name: string): Promise<Unknown> {
  const { backend, shared } = joining;
  refuseOthers(backend);
  await makeTables(shared);
  const before = backend.read(sharingHost);
  let isNew: boolean;
  try {
    isNew = await enterAs(joining, name, before);
  } catch (error) {
    // A take-over never counts as joined before it has entered: the lost host may be back by the next try.
    if (joining.takeOver || error instanceof EnvironmentError)
      await backend.transact((tx) => (before ? putHost(tx, before) : leaveSharing(tx)));
    throw error;
  }
  const unknown = isNew ? { count: 0, some: [] } : await unknownHere(joining);
  // The workers begin at the first row, and tell everything.
  await backend.transact((tx) => tx.run('UPDATE host SET cursor = 0'));
  return unknown;
}

function refuseOthers(backend: Backend): void {
  const other = backend.owners().find(({ alive, owner }) => alive && owner !== backend.owner);
  if (!other) return;
  throw new EnvironmentError(
    'state_in_use',
    `ingest-ctl host join needs the state for itself, and ${other.title} (process ${other.pid}) works on it: stop ingest first, then run it again.`,
  );
}

/** Returns whether PostgreSQL did not know the host: it has no rows there. */
async function enterAs(
  { backend, statePath, shared, takeOver }: Joining,
  name: string,
  before: SharingHost | undefined,
): Promise<boolean> {
  const place = placeOfState(statePath);
  for (;;) {
    const known = backend.read(sharingHost);
    const other = await hostOfName(shared, name);
    // It goes on as the host that is gone: what that one stored counts as stored here, and `--yes` frees it.
    // Asked again before each try: it may be back.
    const isHeir = takeOver && !before && other !== undefined && isSilent(other);
    const id = isHeir ? other.id : await idFor(shared, backend.uuid, before, name);
    const found = await hostOfId(shared, id);
    if (other && other.id !== id) throw nameTaken(other, before);
    const seq = Math.max(known?.seq ?? 0, found?.seq ?? 0) + 1;
    const host: SharingHost = {
      ...{ id, name, places: [place], seq, since: seq, cursor: JOINING },
      revision: known?.id === id ? known.revision : 0,
      // A content that was stored after the first join is a conflict, also where PostgreSQL has lost that join.
      first: known?.id === id ? known.first : found ? 0 : 1,
    };
    await backend.transact((tx) => putHost(tx, host));
    const me: Sender = { ...host, place };
    const entered = found ? await enter(shared, found, me) : await enterNew(shared, me, name);
    if (!entered) continue;
    await backend.transact((tx) => noteRevision(tx, entered.revision));
    return !found;
  }
}

const isSilent = ({ place, silentMs }: HostRow): boolean => place === null || silentMs > FORGET_AFTER_MS;

/** Another name is another host: a copy that is to work beside the original, or a state that was made again. */
async function idFor(shared: Rows, uuid: string, known: SharingHost | undefined, name: string): Promise<string> {
  if (known) return known.name === name ? known.id : randomUUID();
  const row = await hostOfId(shared, uuid);
  return row === undefined || row.name === name ? uuid : randomUUID();
}

function nameTaken({ name, silentMs }: HostRow, known: SharingHost | undefined): EnvironmentError {
  const seen = shownSeconds(Math.round(silentMs / 1_000));
  const past = known ? `; this one has joined as ${known.name}, so use one that has not` : '';
  return new EnvironmentError(
    'host_name_taken',
    `another host has the name ${name} (it was seen ${seen} ago): choose another name. Where that host is gone for ever, --take-over goes on as it: after ${FORGET_AFTER_MS / 1_000} s of silence, since it may live on the other side of a cut network, and in a state that has not joined${past}.`,
  );
}

/** Also conflicts. A page is freed before the next one is read: a lost host may have more than fits into memory. */
async function unknownHere(joining: Joining): Promise<Unknown> {
  const { backend, shared, isSure } = joining;
  const { id } = backend.read(sharingHost)!;
  const found: Unknown = { count: 0, some: [] };
  for (const { read, drop } of [
    { read: conflictsOf, drop: dropConflicts },
    { read: storedBy, drop: dropStored },
  ])
    for await (const page of pagesOf<Key>(read, shared, id)) {
      const unknown = backend.read((reader) => page.filter((key) => !hasEndedHere(contentOfKey(reader, key))));
      if (unknown.length === 0) continue;
      found.count += unknown.length;
      found.some.push(...unknown.slice(0, SOME - found.some.length));
      if (isSure) await send(joining, drop(unknown));
    }
  return found;
}

async function send({ backend, statePath, shared }: Joining, statement: Statement<Key>): Promise<void> {
  const answer = await statement(shared, { ...backend.read(sharingHost)!, place: placeOfState(statePath) });
  if (!answer)
    throw new EnvironmentError(
      'host_replaced',
      'this host was entered from another place meanwhile: run host join again.',
    );
  await backend.transact((tx) => noteRevision(tx, answer.revision));
}
