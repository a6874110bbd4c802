/**
 * Finds the packages of npm-shrinkwrap.json that run in an installation.
 * Leaves out: development packages, binaries for other systems, and the optional packages of a package (bunyan's
 * dtrace-provider, mv, moment and safe-json-stringify: bunyan works without them, and one of them would start a compiler).
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const PACKAGE = fileURLToPath(new URL('../../', import.meta.url));
export const json = (path) => JSON.parse(readFileSync(PACKAGE + path, 'utf8'));

/**
 * `bundled`: paths (`node_modules/…`) of the packages that the tarball contains, with the binaries of koffi for each processor.
 * `runtimes`: the Nodes, of which npm fetches the one for the machine. Values are the entries of the lock.
 */
export function packagesThatRun({ dependencies, optionalDependencies, cpu } = json('package.json')) {
  const { packages } = json('npm-shrinkwrap.json');
  const bundled = new Map();
  const visit = (path) => {
    if (bundled.has(path)) return;
    bundled.set(path, packages[path]);
    for (const name of Object.keys(packages[path].dependencies ?? {})) visit(resolved(packages, path, name));
  };
  const isRuntime = (name) => name.startsWith('node-linux-');
  const direct = Object.keys({ ...dependencies, ...optionalDependencies });
  for (const name of direct.filter((name) => !isRuntime(name))) visit(`node_modules/${name}`);
  for (const one of cpu) visit(`node_modules/@koromix/koffi-linux-${one}`);
  const runtimes = direct.filter(isRuntime).map((name) => [`node_modules/${name}`, packages[`node_modules/${name}`]]);
  return { bundled: sorted(bundled), runtimes: new Map(runtimes) };
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

export const everyPackage = () => {
  const { bundled, runtimes } = packagesThatRun();
  return new Map([...bundled, ...runtimes]);
};

/** The name of the package at a path of the lock. */
export const nameAt = (path) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
