/**
 * Checks whether the unit of the Debian package may write the folders of the feeds and of the state. Doctor runs outside the unit, so its probe files
 * do not show this: with ProtectSystem=strict the service can write below ReadWritePaths= only.
 * Does not: ask where no systemd runs, where there is no such unit, or where the unit runs as another user than doctor.
 */
import { execFile } from 'node:child_process';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { isWithin, realOrFuturePath } from '../../base/config/values/directories.js';
import { userName } from '../../linux/index.js';
import { type Finding, ok, warn } from './words.js';

const UNIT = 'atomic-ingestor';
const PROPERTIES = 'User,ProtectSystem,ProtectHome,ReadWritePaths,StateDirectory';
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
    writable: [
      ...words(property('ReadWritePaths')).map((path) => path.replace(/^[-+]+/, '')),
      ...words(property('StateDirectory')).map((name) => `/var/lib/${name.replace(/:.*/, '')}`),
    ].map(realOrFuturePath),
  };
}

const words = (value: string): string[] => value.split(' ').filter((word) => word !== '');

/** `folders`: those that it writes, or the ones above that exist. `together`: files are renamed from one of these to another. */
export function checkUnit(
  about: string,
  unit: Unit,
  folders: readonly string[],
  together: readonly string[] = [],
): Finding {
  const hidden = folders.filter((path) => unit.hidesHomes && HOMES.some((home) => isWithin(path, home)));
  const outside = folders.filter((path) => unit.isStrict && mountOf(unit, path) === undefined);
  const wrong = [...new Set([...hidden, ...outside])];
  const lines = [
    ...(outside.length > 0
      ? [
          `ReadWritePaths=${pathsFor(outside, together)
            .map((path) => `-${path}`)
            .join(' ')}`,
        ]
      : []),
    ...(hidden.length > 0 ? ['ProtectHome=no'] : []),
  ];
  const remedy = `run: sudo systemctl edit ${UNIT}, and add below [Service]: ${lines.join(' and ')}`;
  if (wrong.length > 0)
    return warn(
      about,
      `${UNIT}.service may not write in ${wrong.join(', ')}: it finds a read-only or an empty folder there`,
      remedy,
    );
  if (unit.isStrict && new Set(together.map((path) => mountOf(unit, path))).size > 1)
    return warn(
      about,
      `${UNIT}.service has ${together.join(' and ')} as two mounts, and no file can be renamed between them`,
      `run: sudo systemctl edit ${UNIT}, and name ${commonFolder(together) ?? 'one folder above both'} in ReadWritePaths=, instead of both`,
    );
  return ok(about, `${UNIT}.service may write in its folders`);
}

/** systemd makes no mount below another one that is as writable. */
const mountOf = ({ writable }: Unit, path: string): string | undefined =>
  writable.filter((above) => isWithin(path, above)).sort((a, b) => a.length - b.length)[0];

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
