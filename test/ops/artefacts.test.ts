/** The tree of the watcher alone, and what is true of both trees: files, exports and types, the list of licences. No network. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { PACKAGE } from '../world/program.js';
import { assertNamed, type Entry, everyPackage, folder, json, pack, script, watcherTree } from './trees.js';

const { licences } = (await script('licences.mjs')) as { licences(): string };

test('the watcher alone: two libraries, the types that they name, a README, few packages', (t) => {
  const tree = folder(t);
  const packed = watcherTree(tree);
  const files = pack(tree, '--dry-run');
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
  const files = pack(tree, '--dry-run').filter((path) => path.endsWith('.d.ts'));
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
