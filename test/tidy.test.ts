/**
 * Keeps the code in order: allowed imports, the length of files and functions, forbidden calls and their replacements,
 * no dead file, nothing unfinished. Every exception is in tidy/allowed.ts with its reason.
 */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { allowed } from './tidy/allowed.js';
import { BANNED } from './tidy/banned.js';
import { HOUSE } from './tidy/house.js';
import {
  code,
  everything,
  importsOf,
  longFunctions,
  modulesNamedBy,
  product,
  read,
  withoutComment,
} from './tidy/sources.js';
import { PACKAGE } from './world/program.js';
import { files } from './world/tree.js';

const LINES_MAX = 400;
const FUNCTION_LINES_MAX = 70;
const none = (found: string[], rule: string) => assert.deepEqual(found, [], `${rule}:\n  ${found.join('\n  ')}\n`);

test('queue/ can be read and used alone: it imports nothing of src/', () => {
  const found = product
    .filter(({ path }) => path.startsWith('queue/'))
    .flatMap((source) => importsOf(source).map(({ target }) => ({ path: source.path, target })))
    .filter(({ target }) => /^(src|test|bin)\//.test(target));
  none(
    found.map(({ path, target }) => `${path} imports ${target}`),
    'queue/ takes what it needs of the system as a Host (queue/backend.ts)',
  );
});

test('imports in src/ point to the folders before their own', () => {
  const rank = (path: string) => HOUSE.indexOf(dirname(path));
  const found: string[] = [];
  for (const source of product.filter(({ path }) => path.startsWith('src/'))) {
    if (rank(source.path) < 0) found.push(`${source.path} lies in a folder that has no place in the order`);
    for (const { target } of importsOf(source)) {
      if (target.startsWith('src/') && rank(target) > rank(source.path)) found.push(`${source.path} imports ${target}`);
    }
  }
  none(found, 'the order is that of test/tidy/house.ts');
  none(
    HOUSE.filter((folder) => !product.some(({ path }) => dirname(path) === folder)),
    'a folder of the order that is not there',
  );
});

test('files are short', (t) => {
  const counted = code.filter(({ path }) => allowed.lines[path] === undefined);
  const over = counted
    .filter(({ lines }) => lines.length > LINES_MAX)
    .map(({ path, lines }) => `${path}: ${lines.length} lines`);
  none(over, `a file has at most ${LINES_MAX} lines: as long as its story; split it along its nouns`);
  const long = counted.filter(({ lines }) => lines.length > 120);
  t.diagnostic(`${long.length} of ${counted.length} files have more than 120 lines`);
});

test('functions are short', () => {
  const long = ['function long() {', ...Array<string>(70).fill('  act();'), '}'];
  assert.equal(longFunctions({ path: 'x.ts', lines: long }, FUNCTION_LINES_MAX).length, 1);
  assert.equal(longFunctions({ path: 'x.ts', lines: long.toSpliced(1, 2) }, FUNCTION_LINES_MAX).length, 0);
  none(
    code.flatMap((source) => longFunctions(source, FUNCTION_LINES_MAX)),
    `a function has at most ${FUNCTION_LINES_MAX} lines; give its leaves names`,
  );
});

for (const { call, where, except, instead, example } of BANNED) {
  test(`nobody writes: ${example}`, () => {
    assert.match(example, call);
    const found = code
      .filter(
        ({ path }) =>
          where.test(path) && !except?.test(path) && allowed.calls[path] === undefined && !path.startsWith('test/tidy'),
      )
      .flatMap(({ path, lines }) =>
        lines.filter((line) => call.test(withoutComment(line))).map((line) => `${path}: ${line.trim()}`),
      );
    none(found, `use ${instead}`);
  });
}

test('no file is dead: each is reached from bin/, or by a test as its helper', () => {
  const byPath = new Map(code.map((source) => [source.path, source]));
  const reached = new Set<string>();
  const reach = (path: string): void => {
    const source = byPath.get(path);
    if (!source || reached.has(path)) return;
    reached.add(path);
    for (const target of modulesNamedBy(source)) reach(target);
  };
  for (const { path } of files(join(PACKAGE, 'bin'))) {
    const source = read(join('bin', path));
    for (const target of modulesNamedBy(source)) reach(target);
    // bin/launch.cjs makes this path of the name of the command, and bin/child.cjs names one.
    reach(`src/programs/${path.replace(/\.cjs$/, '')}.ts`);
  }
  // package.json exports these modules.
  for (const [, target] of read('package.json').text.matchAll(/"types": "\.\/dist\/([\w./-]+)\.d\.ts"/g))
    reach(`${target}.ts`);
  // The page names its script; server.ts has the list of what is served.
  for (const target of read('src/service/dashboard/page/index.html').text.matchAll(/src="assets\/([\w.-]+)"/g))
    reach(`src/service/dashboard/page/${target[1]}`);
  const dead = product
    .filter(({ path }) => !reached.has(path) && allowed.dead[path] === undefined)
    .map(({ path }) => path);
  none(dead, 'a file that nothing reaches is deleted, or used');
});

test('every exception is still needed', () => {
  const paths = new Set(everything.flatMap(({ path }) => [path, dirname(path)]));
  const gone = Object.values(allowed)
    .flatMap((list) => Object.keys(list))
    .filter((path) => !paths.has(path));
  none(gone, 'an exception for a file that is not there any more');
});

const DOCUMENTS = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'package.json', '.ci/run'];
/** A picture has any bytes, and so, by chance, any word. */
const texts = [...everything, ...DOCUMENTS.filter((path) => existsSync(join(PACKAGE, path))).map(read)].filter(
  ({ path }) => !path.startsWith('test/tidy') && !path.endsWith('.png'),
);

test('nothing is left to do later', () => {
  none(matches(/\b(?:TODO|FIXME|XXX|HACK)\b/), 'do it, or open an issue');
});

test('the text speaks of the product alone: no path or host of the machine it was written on', () => {
  none(matches(/(?<![\w.])\/(?:work|root|Users|home\/(?!\.))\/?\w+|Co-Authored-By/), 'name no machine');
  const known =
    /^(?:registry\.npmjs\.org|(?:www\.)?github\.com|localhost|127\.0\.0\.1|man7\.org|docs\.kernel\.org|www\.sqlite\.org|www\.w3\.org|sqlite\.org|nodejs\.org|keepachangelog\.com|semver\.org|biomejs\.dev|opensource\.org|json\.schemastore\.org|www\.debian\.org|example\.(?:org|com)|nothing\.invalid)$/;
  const hosts = texts.flatMap(({ path, text }) =>
    [...text.matchAll(/https?:\/\/([\w.-]+)/g)]
      .filter(([, host]) => !known.test(host!))
      .map(([url]) => `${path}: ${url}`),
  );
  none(hosts, 'a host that is not known here');
});

function matches(word: RegExp): string[] {
  return texts.flatMap(({ path, lines }) =>
    lines.filter((line) => word.test(line)).map((line) => `${path}: ${line.trim().slice(0, 120)}`),
  );
}
