/** The trees that `npm run pack:npm` makes tarballs of: their files, exports and types, the SBOM, the list of licences. No network. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { deadLinks } from '../docs/documents.js';
import { PACKAGE } from '../world/program.js';

interface Entry {
  version: string;
  license: string;
  integrity: string;
}
interface Packed {
  name: string;
  version: string;
  bin?: Record<string, string>;
  man?: string[];
  exports: Record<string, string | { types: string; default: string }>;
  dependencies: Record<string, string>;
}
type Trees = {
  productTree(tree: string, absent: () => void): Packed;
  watcherTree(tree: string): Packed;
};
const script = (name: string): Promise<unknown> => import(join(PACKAGE, 'ops/artefacts', name));
const { productTree, watcherTree } = (await script('trees.mjs')) as Trees;
const { everyPackage, nameAt } = (await script('lock.mjs')) as {
  everyPackage(): Map<string, Entry>;
  nameAt(path: string): string;
};
const { licences } = (await script('licences.mjs')) as { licences(): string };
const json = (path: string) => JSON.parse(readFileSync(path, 'utf8'));

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'artefacts-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** The paths that npm would pack. */
function packedFiles(tree: string): string[] {
  const options = { cwd: tree, encoding: 'utf8', maxBuffer: 64 * 2 ** 20 } as const;
  const [{ files }] = JSON.parse(execFileSync('npm', ['pack', '--dry-run', '--json'], options));
  return (files as { path: string }[]).map(({ path }) => path);
}

/** Each file that package.json names is packed. */
function assertNamed({ exports, bin = {}, man = [] }: Packed, files: readonly string[]): void {
  const exported = Object.values(exports).flatMap((one) => (typeof one === 'string' ? [one] : Object.values(one)));
  for (const path of [...exported, ...Object.values(bin), ...man])
    assert.ok(files.includes(path.replace('./', '')), `${path} is named by package.json and not packed`);
}

test('the product: commands, libraries, page, documents, SBOM, and every package that it needs', (t) => {
  const tree = folder(t);
  const packed = productTree(tree, () => {});
  const files = packedFiles(tree);
  assertNamed(packed, files);
  for (const path of [
    ...[
      'README.md',
      'LICENSE',
      'CHANGELOG.md',
      'docs/licences.md',
      'sbom.cdx.json',
      'ops/config.yaml',
      'ops/runbook.md',
    ],
    ...['src/service/dashboard/page/index.html', 'dist/program/call-thread.cjs', 'dist/program/process-child.cjs'],
    'dist/src/service/dashboard/search/search-thread.js',
  ])
    assert.ok(files.includes(path), `${path} is not packed`);
  const others = files.filter((path) => !path.startsWith('node_modules/'));
  assert.deepEqual(
    others.filter((path) =>
      /\.map$|^dist\/test|^test\/|^bench\/|^ops\/(?:artefacts|deb|reference)\/|npm-shrinkwrap/.test(path),
    ),
    [],
  );
  const isPacked = (path: string) =>
    others.some((one) => one === path || one.startsWith(`${path.replace(/\/$/, '')}/`));
  const pages = others.filter((path) => path.endsWith('.md'));
  assert.ok(pages.length > 30, pages.join());
  assert.deepEqual(deadLinks(tree, pages, isPacked), []);
  const found = new Set(files.filter((path) => /node_modules\/(?:@[^/]+\/)?[^/]+\/package\.json$/.test(path)));
  const here = [...everyPackage().keys()].filter(
    (path) => existsSync(join(PACKAGE, path)) && !/node-linux-/.test(path),
  );
  assert.deepEqual([...found].sort(), here.map((path) => `${path}/package.json`).sort());
});

test('the watcher alone: two libraries, the types that they name, a README, few packages', (t) => {
  const tree = folder(t);
  const packed = watcherTree(tree);
  const files = packedFiles(tree);
  assertNamed(packed, files);
  assert.deepEqual(Object.keys(packed.dependencies), ['better-sqlite3', 'koffi', 'picomatch']);
  assert.ok(files.length < 40, files.join('\n'));
  const installed = json(join(PACKAGE, 'package.json')).dependencies;
  for (const [name, version] of Object.entries(packed.dependencies)) assert.equal(version, installed[name]);
  for (const page of files.filter((path) => path.endsWith('.md'))) {
    const text = readFileSync(join(tree, page), 'utf8');
    assert.doesNotMatch(text, /atomic-ingestor\/(?:watcher|mirror)/, page);
    assert.doesNotMatch(text, /(?:benchmarks|errors)\.md|[`/](?:bin|src|test)\/|\.test\.[jt]s|<!--|producer/, page);
    for (const [, to = ''] of text.matchAll(/\]\(([^)#]+)/g))
      assert.ok(existsSync(join(tree, 'docs', to)), `${page}: ${to}`);
  }
});

test('the types of the watcher alone name its package', (t) => {
  const tree = folder(t);
  watcherTree(tree);
  const files = packedFiles(tree).filter((path) => path.endsWith('.d.ts'));
  assert.ok(files.includes('types/src/watcher/index.d.ts'));
  for (const path of files) assert.doesNotMatch(readFileSync(join(tree, path), 'utf8'), /atomic-ingestor\//, path);
});

test('a TypeScript program compiles against the types of the watcher alone, as Node and as bundlers resolve them', (t) => {
  const base = folder(t);
  const modules = join(base, 'node_modules');
  watcherTree(join(modules, 'atomic-ingestor-watcher'));
  symlinkSync(join(PACKAGE, 'node_modules/@types'), join(modules, '@types'));
  writeFileSync(join(base, 'package.json'), '{ "type": "module" }');
  cpSync(join(PACKAGE, 'ops/artefacts/consumer.ts'), join(base, 'consumer.ts'));
  for (const [module, resolution] of [
    ['NodeNext', 'NodeNext'],
    ['ESNext', 'Bundler'],
  ] as const) {
    const options = ['--noEmit', '--strict', '--exactOptionalPropertyTypes', '--skipLibCheck', 'false'];
    const target = ['--target', 'ES2022', '--types', 'node', '--module', module, '--moduleResolution', resolution];
    const compiler = join(PACKAGE, 'node_modules/typescript/bin/tsc');
    const { status, stdout } = spawnSync(process.execPath, [compiler, ...options, ...target, 'consumer.ts'], {
      cwd: base,
      encoding: 'utf8',
    });
    assert.equal(status, 0, `${resolution}: ${stdout}`);
  }
});

const OLDER = '/usr/bin/node';
const isOlder = /^v(?:1\d|20|21)\./.test(spawnSync(OLDER, ['--version'], { encoding: 'utf8' }).stdout ?? '');

test('an older Node gets a sentence, before a package is loaded that would end it without a word', {
  skip: !isOlder && `${OLDER} is no Node that is older than 22`,
}, (t) => {
  const base = folder(t);
  const modules = join(base, 'node_modules');
  watcherTree(join(modules, 'atomic-ingestor-watcher'));
  for (const name of ['better-sqlite3', 'koffi', 'picomatch', '@koromix'])
    symlinkSync(join(PACKAGE, 'node_modules', name), join(modules, name));
  const sentence = 'Error: atomic-ingestor-watcher needs Node 22 or newer, and this is v';
  for (const [library, made] of [
    ['atomic-ingestor-watcher', 'createWatcher().watch'],
    ['atomic-ingestor-watcher/mirror', 'replicate'],
  ] as const) {
    const script = join(base, 'use.mjs');
    writeFileSync(
      script,
      `import * as library from '${library}';\nawait library.${made}({ source: 'a', dest: 'b' });\n`,
    );
    const { signal, status, stderr } = spawnSync(OLDER, [script], { encoding: 'utf8' });
    assert.deepEqual([signal, status], [null, 1], stderr);
    assert.ok(stderr.includes(sentence), stderr);
  }
});

test('docs/licences.md is the list of the packages that run, with the licence that each of them states', () => {
  const text = readFileSync(join(PACKAGE, 'docs/licences.md'), 'utf8');
  assert.equal(text, licences(), 'run node ops/artefacts/licences.mjs');
  const rows = [...text.matchAll(/^\| ([\w.-]+) \| \d+ \| (.+) \|$/gm)];
  const listed = new Map(rows.flatMap(([, licence, all]) => all!.split(', ').map((one) => [one, licence!] as const)));
  let compared = 0;
  for (const path of everyPackage().keys()) {
    if (!existsSync(join(PACKAGE, path))) continue;
    const { name, version, license } = json(join(PACKAGE, path, 'package.json')) as Entry & { name: string };
    assert.equal(listed.get(`${name} ${version}`), license, path);
    compared++;
  }
  assert.ok(compared > 90, String(compared));
  assert.match(text, /\*\*One package is under MPL-2\.0: exeunt/);
  assert.deepEqual(
    [...listed].filter(([, licence]) => licence === 'MPL-2.0').map(([one]) => one.replace(/ .*/, '')),
    ['exeunt'],
  );
});

test('the SBOM has each package that runs, by the hash of the lock, and names no registry', (t) => {
  const [one, other] = [folder(t), folder(t)];
  productTree(one, () => {});
  watcherTree(other);
  const text = readFileSync(join(one, 'sbom.cdx.json'), 'utf8');
  const { components, dependencies } = JSON.parse(text);
  const seen = components.map(
    ({ name, version, hashes }: { name: string; version: string; hashes: { content: string }[] }) => {
      return `${name} ${version} ${Buffer.from(hashes[0]!.content, 'hex').toString('base64')}`;
    },
  );
  const wanted = [...everyPackage()].map(
    ([path, { version, integrity }]) => `${nameAt(path)} ${version} ${integrity.slice(7)}`,
  );
  assert.deepEqual(seen.sort(), wanted.sort());
  const refs = new Set(dependencies.map(({ ref }: { ref: string }) => ref));
  for (const { dependsOn } of dependencies) for (const ref of dependsOn) assert.ok(refs.has(ref), ref);
  assert.doesNotMatch(text, /https?:/);
  const small = json(join(other, 'sbom.cdx.json')).components.map(({ name }: { name: string }) => name);
  assert.deepEqual(small.filter((name: string) => !name.startsWith('@koromix/')).sort(), [
    ...['better-sqlite3', 'koffi', 'node-addon-api', 'picomatch'],
  ]);
});

test('a tree with changes that are not committed is refused with a sentence', (t) => {
  const tree = folder(t);
  mkdirSync(join(tree, 'ops'));
  for (const path of ['ops/artefacts', 'package.json', 'npm-shrinkwrap.json'])
    cpSync(join(PACKAGE, path), join(tree, path), { recursive: true });
  execFileSync('git', ['init', '--quiet', tree]);
  const { status, stderr } = spawnSync(process.execPath, ['ops/artefacts/pack.mjs'], { cwd: tree, encoding: 'utf8' });
  assert.equal(status, 2, stderr);
  assert.match(stderr, /^npm run pack: the tree must have no uncommitted change, .*; commit or remove them first\.\n$/);
});
