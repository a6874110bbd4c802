/**
 * A host joins the shared ledger: all that it has stored, learned and pruned is told, then it may ask.
 * Guarantees: can be run again, wherever it was ended; what its own programs store or give up meanwhile is told by the outbox.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { Backend } from '../../../queue/backend.js';
import { EnvironmentError } from '../../base/errors.js';
import { type Rows, SharedConnection } from '../../fleet/connection.js';
import { SharedError } from '../../fleet/errors.js';
import { type EnteredHost, enterHost, joinHost } from '../../fleet/hosts.js';
import { checkSchema, makeTables } from '../../fleet/schema.js';
import { beginSharing, sharedHost } from '../sharing/host.js';
import { goOnBehind } from '../sharing/outbox.js';
import { placeOfState } from './place.js';
import { type Joined, tellAll } from './tell-all.js';

const LOOK_MS = 1_000;

/** Errors: EnvironmentError, in the words of the shared ledger. */
export async function join(
  backend: Backend,
  { name, statePath, url }: { name: string; statePath: string; url: string },
): Promise<Joined> {
  const shared = new SharedConnection(url);
  try {
    await makeTables(shared);
    await checkSchema(shared);
    const known = backend.read(sharedHost);
    const host = { id: known?.id ?? backend.uuid, name, place: placeOfState(statePath) };
    await joinHost(shared, host);
    const { incarnation, counter } = await entered(shared, host, known?.incarnation);
    const row = { ...host, ledger: shared.where, incarnation };
    await backend.transact((tx) => beginSharing(tx, { ...row, joined: false }));
    const joined = await tellAll(backend, shared, host.id);
    await backend.transact((tx) => {
      beginSharing(tx, { ...row, joined: true });
      goOnBehind(tx, counter);
    });
    return joined;
  } catch (error) {
    if (error instanceof SharedError) throw new EnvironmentError('shared_ledger_unusable', `${error.message}.`);
    throw error;
  } finally {
    await shared.close();
  }
}

/** Where the host was last at another place, it is watched for half a minute. */
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
