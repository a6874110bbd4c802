/**
 * Checks whether the unit of the Debian package may write the folders of the feeds. Doctor runs outside the unit, so its probe files
 * do not show this: with ProtectSystem=strict the service can write below ReadWritePaths= only.
 * Does not: ask where no systemd runs, where there is no such unit, or where the unit runs as another user than doctor.
 */
import { execFile } from 'node:child_process';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import type { FeedOptions } from '../../base/config/options.js';
import { isWithin, realOrFuturePath } from '../../base/config/values/directories.js';
import { userName } from '../../linux/index.js';
import { type Finding, ok, warn } from './words.js';

const UNIT = 'atomic-ingestor';
const PROPERTIES = 'User,ProtectSystem,ProtectHome,ReadWritePaths';
const ANSWERS_MS = 5_000;
/** The folders that ProtectHome=yes hides. */
const HOMES = ['/home', '/root', '/run/user'];

export interface Unit {
  isStrict: boolean;
  hidesHomes: boolean;
  writable: string[];
}

/** Returns undefined where there is nothing to ask. */
export async function unitHere(): Promise<Unit | undefined> {
  const args = ['show', '--property', PROPERTIES, UNIT];
  // systemctl may be missing, or find no systemd.
  const answer = await promisify(execFile)('systemctl', args, { timeout: ANSWERS_MS }).catch(() => undefined);
  const property = (name: string): string => new RegExp(`^${name}=(.*)$`, 'm').exec(answer?.stdout ?? '')?.[1] ?? '';
  if (property('User') !== userName()) return undefined;
  return {
    isStrict: property('ProtectSystem') === 'strict',
    hidesHomes: property('ProtectHome') === 'yes',
    // A path may begin with - (it may be missing) or + (it is below RootDirectory=).
    writable: property('ReadWritePaths')
      .split(' ')
      .map((path) => path.replace(/^[-+]+/, ''))
      .filter((path) => path !== '')
      .map(realOrFuturePath),
  };
}

/** `work`: the work directory, or the folder above it where the first start makes it. */
export function checkUnit(about: string, unit: Unit, feed: FeedOptions, work: string): Finding {
  const folders = [feed.input, work, feed.warehouse, feed.manifests];
  const hidden = folders.filter((path) => unit.hidesHomes && HOMES.some((home) => isWithin(path, home)));
  const outside = folders.filter((path) => unit.isStrict && !unit.writable.some((above) => isWithin(path, above)));
  const wrong = [...new Set([...hidden, ...outside])];
  if (wrong.length === 0) return ok(about, `${UNIT}.service may write in its folders`);
  const lines = [
    ...(outside.length > 0 ? [`ReadWritePaths=${pathsFor(outside, [feed.input, work]).join(' ')}`] : []),
    ...(hidden.length > 0 ? ['ProtectHome=no'] : []),
  ];
  return warn(
    about,
    `${UNIT}.service may not write in ${wrong.join(', ')}: it finds a read-only or an empty folder there`,
    `run: sudo systemctl edit ${UNIT}, and add below [Service]: ${lines.join(' and ')}`,
  );
}

/** Each path is a mount of its own in the unit, and no file is renamed between two mounts. So `together` get one path. */
function pathsFor(outside: readonly string[], together: readonly string[]): string[] {
  const all = commonFolder(outside);
  if (all !== undefined) return [all];
  const renamed = outside.filter((path) => together.includes(path));
  const one = commonFolder(renamed);
  return [...(one === undefined ? renamed : [one]), ...outside.filter((path) => !together.includes(path))];
}

/** Returns the folder that has all others in it; undefined if that is only /. */
function commonFolder([first, ...others]: readonly string[]): string | undefined {
  let common = first ?? '/';
  while (!others.every((path) => isWithin(path, common))) common = dirname(common);
  return common === '/' ? undefined : common;
}
