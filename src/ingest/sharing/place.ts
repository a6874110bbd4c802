/** The place of a state, as text. A copy of a state has another place; so has the same state after a reboot. */
import { readFileSync, statSync } from 'node:fs';
import type { Reader } from '../../../queue/backend.js';
import { EnvironmentError } from '../../base/errors.js';
import { typed } from '../../base/shell.js';
import { unlessRefused } from '../../files/place-error.js';
import { bootId } from '../../linux/index.js';
import { sharingHost } from '../ledger/host.js';

export function placeOfState(statePath: string): string {
  const { dev, ino } = statSync(statePath, { bigint: true });
  // The machine id of systemd. Few containers have one.
  const machine = unlessRefused(() => readFileSync('/etc/machine-id', 'utf8').trim()) || '-';
  return `${machine} ${bootId()} ${dev}:${ino}`;
}

/** The same file on the same machine, before and after a reboot. */
const withoutBoot = (place: string): string => place.split(' ').toSpliced(1, 1).join(' ');

/**
 * A verb that changes files of a host works at the host's own state. At a copy, the host would not know of it. A state that shares
 * nothing has no place. Errors: EnvironmentError.
 */
export function refuseCopy(reader: Reader, statePath: string): void {
  const host = sharingHost(reader);
  if (!host || host.places.length === 0) return;
  const here = withoutBoot(placeOfState(statePath));
  if (host.places.some((place) => withoutBoot(place) === here)) return;
  throw new EnvironmentError(
    'state_copied',
    `the state ${statePath} is a copy or was moved: host ${host.name} has worked with its state at another place. Do this at that state; if this one counts, run ${typed('ingest-ctl host join', host.name)} first.`,
  );
}
