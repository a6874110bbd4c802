/** Where a state lies: a copy of it lies elsewhere, and so does the same one after its machine was started again. */
import { readFileSync, statSync } from 'node:fs';
import { bootId } from '../../linux/index.js';

const MACHINE = '/etc/machine-id';

export function placeOfState(statePath: string): string {
  const { dev, ino } = statSync(statePath, { bigint: true });
  return `${machineId()} ${bootId()} ${dev}:${ino}`;
}

/** systemd's, which few containers have. */
function machineId(): string {
  try {
    return readFileSync(MACHINE, 'utf8').trim() || '-';
  } catch {
    return '-';
  }
}
