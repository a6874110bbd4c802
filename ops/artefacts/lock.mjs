/**
 * Finds the packages of npm-shrinkwrap.json that run in an installation.
 * Leaves out: development packages, binaries for other systems, and the optional packages of a package (bunyan's
 * dtrace-provider, mv, moment and safe-json-stringify: bunyan works without them, and one of them would start a compiler).
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const PACKAGE = fileURLToPath(new URL('../../', import.meta.url));
export const json = (path) => JSON.parse(readFileSync(PACKAGE + path, 'utf8'));

/** An optional package of this package that is pure JavaScript; the others are binaries. */
const PORTABLE = ['pg'];

/**
 * `portable`: paths (`node_modules/…`) of packages that run on every machine. `binaries`: the optional packages of which npm
 * installs the one for the machine: a Node, and the binary of koffi. Values are the entries of the lock.
 */
export function packagesThatRun({ dependencies, optionalDependencies, cpu } = json('package.json')) {
  const { packages } = json('npm-shrinkwrap.json');
  const portable = new Map();
  const visit = (path) => {
    if (portable.has(path)) return;
    portable.set(path, packages[path]);
    for (const name of Object.keys(packages[path].dependencies ?? {})) visit(resolved(packages, path, name));
  };
  for (const name of [...Object.keys(dependencies), ...PORTABLE]) visit(`node_modules/${name}`);
  const names = [
    ...Object.keys(optionalDependencies).filter((name) => !PORTABLE.includes(name)),
    ...cpu.map((one) => `@koromix/koffi-linux-${one}`),
  ];
  const binaries = new Map(names.map((name) => [`node_modules/${name}`, packages[`node_modules/${name}`]]));
  return { portable: sorted(portable), binaries: sorted(binaries) };
}

/** The path of the package that `name` means in the package at `from`, as Node looks for it. */
export function resolved(packages, from, name) {
  for (let at = from; ; at = at.slice(0, Math.max(0, at.lastIndexOf('/node_modules/')))) {
    const path = `${at}${at === '' ? '' : '/'}node_modules/${name}`;
    if (packages[path] !== undefined) return path;
    if (at === '') throw new Error(`npm-shrinkwrap.json has no ${name} for ${from}: run npm install.`);
  }
}

const sorted = (map) => new Map([...map].sort(([a], [b]) => (a < b ? -1 : 1)));

/** The name of the package at a path of the lock. */
export const nameAt = (path) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
