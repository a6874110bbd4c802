/** The place of a state, as text. A copy of a state has another place; so has the same state after a reboot. */
import { readFileSync, statSync } from 'node:fs';
import { unlessRefused } from '../../files/place-error.js';
import { bootId } from '../../linux/index.js';

export function placeOfState(statePath: string): string {
  const { dev, ino } = statSync(statePath, { bigint: true });
  // The machine id of systemd. Few containers have one.
  const machine = unlessRefused(() => readFileSync('/etc/machine-id', 'utf8').trim()) || '-';
  return `${machine} ${bootId()} ${dev}:${ino}`;
}
