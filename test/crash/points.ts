/** The name of a point: the phase of the process, the call and its subject, without the ids and names of one run. */
import type { Call } from './control.js';
import { PHASES } from './order.js';

const ULID = /[0-9A-HJKMNP-TV-Z]{26}/g;

export function pointOf({ stage, call, path }: Call): string {
  return `${PHASES[stage] ?? stage} ${call} ${placeOf(path)}`;
}

function placeOf(path: string): string {
  return path
    .replace(/^.*\/ingest-far-[^/]+/, '/far')
    .replace(/^.*\/ingest-[A-Za-z0-9]{6}(?=\/|$)/, '')
    .replace(/\/far\/warehouse\//, '/far/warehouse/')
    .replace(ULID, 'ID')
    .replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/, 'UUID')
    .replace(/\.claims~\/\d+/, '.claims~/N')
    .replace(/l{20,}/, 'long')
    .replace(/\.ingest-tmp\/ID\.\d+\.\d+/, '.ingest-tmp/ID.N')
    .replace(/\/20\d\d\/\d\d\/\d\d\/\d\d/, '/HOUR');
}
