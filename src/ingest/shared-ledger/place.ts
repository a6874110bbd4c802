/** The place of a state, as text. A copy of a state has another place; so has the same state after a reboot. */
import { readFileSync, statSync } from 'node:fs';
import { bootId } from '../../linux/index.js';

const MACHINE = '/etc/machine-id';

export function placeOfState(statePath: string): string {
  const { dev, ino } = statSync(statePath, { bigint: true });
  return `${machineId()} ${bootId()} ${dev}:${ino}`;
}

/** The machine id of systemd. Few containers have one. */
function machineId(): string {
  try {
    return readFileSync(MACHINE, 'utf8').trim() || '-';
  } catch {
    return '-';
  }
}
