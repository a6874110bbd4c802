/**
 * The two trees that `npm pack` makes tarballs of: the whole product, and the watcher alone.
 *
 * The product's tree contains the packages that it needs (`bundleDependencies`). npm reads no npm-shrinkwrap.json in a tarball
 * that it is given as a file or an address: only a registry says that a package has one. Without its packages a tarball would
 * get the newest ones that its packages allow, which nobody tested. Binaries (a Node, the one of koffi) differ by machine,
 * so npm fetches them; their versions are exact.
 */
import { cpSync, globSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { json, nameAt, PACKAGE, packagesThatRun } from './lock.mjs';
import { referenceOf } from './reference.mjs';
import { sbom } from './sbom.mjs';
import { typesOf } from './types.mjs';

export const SBOM = 'sbom.cdx.json';

/** What both packages say of themselves. */
const COMMON = ['version', 'license', 'type', 'sideEffects', 'engines', 'os', 'cpu'];

/** Returns the package.json that was written. */
export function productTree(tree) {
  const { scripts, devDependencies, ...described } = json('package.json');
  const { portable, binaries } = packagesThatRun();
  copy(
    tree,
    described.files.filter((path) => !path.startsWith('!')),
  );
  copy(tree, topLevel(portable));
  refuseOthers(portable);
  const isDirect = (name) => name in described.dependencies || name in described.optionalDependencies;
  const dependencies = versionsOf(portable, isDirect);
  const packed = {
    ...described,
    files: [...described.files, SBOM],
    dependencies,
    optionalDependencies: versionsOf(binaries),
    // With each of them npm packs the packages that it needs.
    bundleDependencies: Object.keys(dependencies),
  };
  write(tree, 'package.json', packed);
  write(tree, SBOM, sbom(packed));
  return packed;
}

/** The libraries with the types that they name, a README and the reference. Returns the package.json that was written. */
export function watcherTree(tree) {
  const described = json('package.json');
  const { portable, binaries } = packagesThatRun();
  const needs = ['better-sqlite3', 'koffi', 'picomatch'];
  const library = (name, types) => ({ types: `./types/${types}`, default: `./dist/${name}.js` });
  const packed = {
    name: `${described.name}-watcher`,
    description:
      'Watches directory trees on Linux and loses no change: overflows, renames, restarts and slow consumers included.',
    ...Object.fromEntries(COMMON.map((key) => [key, described[key]])),
    exports: {
      '.': library('watcher', 'src/watcher/index.d.ts'),
      './mirror': library('mirror', 'src/mirror/library/index.d.ts'),
      './package.json': './package.json',
    },
    files: ['dist', 'types', 'docs', SBOM],
    dependencies: versionsOf(portable, (name) => needs.includes(name)),
  };
  copy(tree, ['LICENSE', ...['watcher', 'mirror'].flatMap((name) => [`dist/${name}.cjs`, `dist/${name}.js`])]);
  for (const [path, text] of typesOf(['src/watcher/index.d.ts', 'src/mirror/library/index.d.ts']))
    write(tree, `types/${path}`, text);
  for (const [path, text] of referenceOf(packed.name)) write(tree, path, text);
  write(tree, 'package.json', packed);
  const needed = new Set([
    ...needs,
    'node-addon-api',
    ...[...binaries.keys()].map(nameAt).filter((name) => name.startsWith('@koromix/')),
  ]);
  write(tree, SBOM, sbom(packed, new Map([...portable, ...binaries].filter(([path]) => needed.has(nameAt(path))))));
  return packed;
}

/** The installed packages are those that the tests ran with; they must be those of the lock. */
function refuseOthers(portable) {
  for (const [path, { version }] of portable) {
    const found = json(`${path}/package.json`).version;
    if (found !== version)
      throw new Error(
        `npm run pack: ${path} must be ${version}, as in npm-shrinkwrap.json, but is ${found}; run npm ci.`,
      );
  }
}

/** A package below another package is copied with it. */
const topLevel = (packages) => [...packages.keys()].filter((path) => path === `node_modules/${nameAt(path)}`);

const versionsOf = (packages, holds = () => true) =>
  Object.fromEntries(
    topLevel(packages)
      .map((path) => [nameAt(path), packages.get(path).version])
      .filter(([name]) => holds(name)),
  );

function copy(tree, patterns) {
  for (const path of globSync(patterns, { cwd: PACKAGE }))
    cpSync(PACKAGE + path, join(tree, path), { recursive: true });
}

function write(tree, path, content) {
  mkdirSync(dirname(join(tree, path)), { recursive: true });
  writeFileSync(join(tree, path), typeof content === 'string' ? content : `${JSON.stringify(content, null, 2)}\n`);
}
