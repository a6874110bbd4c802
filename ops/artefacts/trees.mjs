/**
 * The two trees that `npm pack` makes tarballs of: the whole product, and the watcher alone.
 *
 * The product's tree contains the packages that it needs (`bundleDependencies`). npm reads no npm-shrinkwrap.json in a tarball
 * that it is given as a file or an address: only a registry says that a package has one. Without its packages a tarball would
 * get the newest ones that its packages allow, which nobody tested. Node itself is too large for that (190 MB): npm fetches
 * the one for the machine, by its exact version.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, globSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { everyPackage, json, nameAt, PACKAGE, packagesThatRun } from './lock.mjs';
import { naming, referenceOf } from './reference.mjs';
import { sbom } from './sbom.mjs';
import { typesOf } from './types.mjs';

export const SBOM = 'sbom.cdx.json';

/** Fields of package.json that both packages share. */
const COMMON = ['version', 'license', 'type', 'sideEffects', 'engines', 'os', 'cpu'];

/**
 * `absent`: puts a package into the tree that is not installed here, the binary for the other processor. Returns the
 * package.json that was written.
 */
export function productTree(tree, absent = fetched) {
  const { scripts, devDependencies, ...described } = json('package.json');
  const { bundled, runtimes } = packagesThatRun();
  const isNamed = (name) => name in described.dependencies || name in described.optionalDependencies;
  const dependencies = versionsOf(bundled, isNamed);
  const packed = {
    ...described,
    files: [...described.files, SBOM],
    dependencies,
    optionalDependencies: versionsOf(runtimes),
    // With each of them npm packs the packages that it needs.
    bundleDependencies: Object.keys(dependencies),
  };
  const published = described.files.filter((path) => !path.startsWith('!'));
  copy(tree, ['README.md', 'LICENSE', ...globSync(published, { cwd: PACKAGE })]);
  for (const [path, entry] of bundled) {
    if (!existsSync(join(PACKAGE, path))) absent(tree, path, entry);
    else if (isTopLevel(path)) copy(tree, [path]);
    refuseOther(path, entry);
  }
  write(tree, 'package.json', packed);
  write(tree, SBOM, sbom(packed));
  return packed;
}

/** The libraries with the types that they name, a README and the reference. Returns the package.json that was written. */
export function watcherTree(tree) {
  const described = json('package.json');
  const needs = ['better-sqlite3', 'koffi', 'picomatch'];
  const library = (name, types) => ({ types: `./types/${types}`, default: `./dist/${name}.js` });
  const packed = {
    name: `${described.name}-watcher`,
    description: 'Watches directory trees on Linux and loses no change, whatever the kernel drops.',
    ...Object.fromEntries(COMMON.map((key) => [key, described[key]])),
    exports: {
      '.': library('watcher', 'src/watcher/index.d.ts'),
      './mirror': library('mirror', 'src/mirror/library/index.d.ts'),
      './package.json': './package.json',
    },
    files: ['dist', 'types', 'docs', SBOM],
    dependencies: Object.fromEntries(needs.map((name) => [name, described.dependencies[name]])),
  };
  const files = ['watcher', 'mirror'].flatMap((name) => [`dist/${name}.cjs`, `dist/${name}.js`]);
  copy(tree, ['LICENSE', ...files]);
  const types = typesOf(['src/watcher/index.d.ts', 'src/mirror/library/index.d.ts']);
  for (const [path, text] of types) write(tree, `types/${path}`, naming(text, packed.name));
  for (const [path, text] of referenceOf(packed.name)) write(tree, path, text);
  write(tree, 'package.json', packed);
  const isNeeded = (path) =>
    /^node_modules\/(?:better-sqlite3|node-addon-api|koffi|picomatch|@koromix\/.*)$/.test(path);
  write(tree, SBOM, sbom(packed, new Map([...everyPackage()].filter(([path]) => isNeeded(path)))));
  return packed;
}

/** The tests ran with the packages that are installed here, so they must be those of the lock. */
function refuseOther(path, { version }) {
  if (!existsSync(join(PACKAGE, path))) return;
  const found = json(`${path}/package.json`).version;
  if (found === version) return;
  throw new Error(`${path} must be ${version}, as in npm-shrinkwrap.json, but is ${found}; run npm ci.`);
}

/** From the registry, by the hash of the lock. */
function fetched(tree, path, { version, integrity }) {
  const args = ['pack', '--silent', '--json', '--pack-destination', tree, `${nameAt(path)}@${version}`];
  const [{ filename, integrity: got }] = JSON.parse(execFileSync('npm', args, { encoding: 'utf8' }));
  if (got !== integrity) throw new Error(`${nameAt(path)} ${version} must have the hash ${integrity}, but has ${got}.`);
  mkdirSync(join(tree, path), { recursive: true });
  execFileSync('tar', ['-xzf', join(tree, filename), '-C', join(tree, path), '--strip-components=1']);
  rmSync(join(tree, filename));
}

const isTopLevel = (path) => path === `node_modules/${nameAt(path)}`;

const versionsOf = (packages, holds = () => true) =>
  Object.fromEntries(
    [...packages]
      .filter(([path]) => isTopLevel(path) && holds(nameAt(path)))
      .map(([path, { version }]) => [nameAt(path), version]),
  );

function copy(tree, paths) {
  for (const path of paths) cpSync(PACKAGE + path, join(tree, path), { recursive: true });
}

function write(tree, path, content) {
  mkdirSync(dirname(join(tree, path)), { recursive: true });
  writeFileSync(join(tree, path), typeof content === 'string' ? content : `${JSON.stringify(content, null, 2)}\n`);
}
