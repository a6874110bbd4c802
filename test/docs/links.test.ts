/** Links of all documents lead somewhere, their anchors are headings, and each file that a document names is there. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, normalize } from 'node:path';
import { test } from 'node:test';
import { PACKAGE } from '../world/program.js';
import { anchorsOf, DOCUMENTS, proseOf, textOf } from './documents.js';

const none = (found: string[], rule: string) => assert.deepEqual(found, [], `${rule}:\n  ${found.join('\n  ')}\n`);

/** Returns the fault of a link of a document, or nothing. Links to other hosts are not checked. */
function wrongWith(document: string, target: string): string | undefined {
  if (/^(?:https?|mailto):/.test(target)) return undefined;
  const [path = '', anchor] = target.split('#');
  const file = path === '' ? document : normalize(join(dirname(document), path));
  if (!existsSync(join(PACKAGE, file))) return `${document}: ${target} is not there`;
  if (anchor === undefined || anchorsOf(file).has(anchor)) return undefined;
  return `${document}: ${target} has no heading of that name`;
}

test('each link of a document leads to a file, and its anchor to a heading', () => {
  assert.match(wrongWith('README.md', 'docs/nowhere.md')!, /is not there/);
  assert.match(wrongWith('README.md', 'docs/consumers.md#nowhere')!, /no heading/);
  assert.equal(wrongWith('docs/consumers.md', '../README.md#the-first-minute'), undefined);
  const links = DOCUMENTS.flatMap((document) =>
    [...proseOf(document).matchAll(/\]\(([^()\s]+)\)/g)].map(([, target]) => ({ document, target: target! })),
  );
  assert.ok(links.length > 50, `${links.length} links`);
  const wrong = links.flatMap(({ document, target }) => wrongWith(document, target) ?? []);
  none(wrong, 'a link is repaired or removed');
});

test('each page says in its first line for whom it is', () => {
  const firstLine = (document: string) => textOf(document).replace(/^# .*\n+/, '');
  none(
    DOCUMENTS.filter((document) => !firstLine(document).startsWith('For ')),
    'a page begins with "For operators: …" or the like',
  );
});

/** The folders of code and documents. A name without a folder is that of a file somewhere below. */
const FOLDERS = ['bin', 'bench', 'docs', 'ops', 'queue', 'src', 'test'];
const files = FOLDERS.flatMap((folder) =>
  readdirSync(join(PACKAGE, folder), { recursive: true, encoding: 'utf8' }).map((path) => `${folder}/${path}`),
).filter((path) => !path.includes('node_modules'));
const names = new Set(files.map((path) => basename(path)));

/** True if a name in backquotes is the name of a file or folder. Outer folders may be left out: `stages/hash.ts`. */
function isThere(name: string): boolean {
  const pattern = name.replace(/\/$/, '').replaceAll('.', '\\.').replaceAll('*', '[^/]*');
  const end = new RegExp(`(?:^|/)${pattern}$`);
  return name.includes('/') ? FOLDERS.includes(pattern) || files.some((path) => end.test(path)) : names.has(name);
}

test('each file of the code that a document names is there', () => {
  assert.ok(isThere('src/files/job-paths.ts') && isThere('test/') && !isThere('src/files/nowhere.ts'));
  const named = DOCUMENTS.filter((document) => document !== 'docs/crash-report.md').flatMap((document) =>
    [
      ...textOf(document).matchAll(
        /`((?:(?:src|queue|test|ops|bench|docs)\/)?[\w*./-]+\.(?:ts|mjs|sh|yaml)|(?:src|queue|test|ops)\/[\w*./-]*)`/g,
      ),
    ].map(([, name]) => ({ document, name: name! })),
  );
  assert.ok(named.length > 100, `${named.length} names`);
  /** Files that a reader writes. */
  const own = new Set(['orders.yaml', 'redact-email.mjs', 'sync.mjs', 'mirror.mjs']);
  none(
    named
      .filter(({ name }) => !own.has(name) && !name.startsWith('/') && !isThere(name))
      .map(({ document, name }) => `${document}: ${name}`),
    'a document names a file that is not there',
  );
});

test('each npm script and each command that a document names is there', () => {
  const { scripts, bin } = JSON.parse(readFileSync(join(PACKAGE, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
    bin: Record<string, string>;
  };
  const known = new Set([...Object.keys(scripts), 'pack', 'better-queue-sqlite', 'csv-parsers']);
  const wrong = DOCUMENTS.flatMap((document) => {
    const text = textOf(document);
    const runs = [...text.matchAll(/npm (?:--prefix bench )?run ([\w:-]+)/g)].map(([, name]) => name!);
    const started = [...text.matchAll(/(?<![\w/.-])bin\/([\w-]+)/g)].map(([, name]) => name!);
    return [
      ...runs.filter((name) => !known.has(name)).map((name) => `${document}: npm run ${name}`),
      ...started.filter((name) => bin[name] === undefined && !existsSync(join(PACKAGE, 'bin', name))),
    ];
  });
  none(wrong, 'a document names a script or a command that is not there');
});

test('each identifier that the documents of the code name is in the code', () => {
  const sources = files.filter((path) => /\.(?:ts|mjs|js)$/.test(path) && !path.startsWith('docs'));
  const known = new Set(
    sources.flatMap((path) => readFileSync(join(PACKAGE, path), 'utf8').match(/[A-Za-z_]\w*/g) ?? []),
  );
  // Names of the kernel and of SQLite that the code does not use.
  for (const name of ['RLIMIT_DATA', 'auto_vacuum']) known.add(name);
  const documents = DOCUMENTS.filter((path) => /^(?:ARCHITECTURE\.md|queue\/README\.md|docs\/decisions\/)/.test(path));
  const named = documents.flatMap((document) =>
    [...proseOf(document).matchAll(/`([A-Za-z_]\w*)(?:\(\))?`/g)].map(([, name]) => ({ document, name: name! })),
  );
  assert.ok(named.length > 50, `${named.length} names`);
  none(
    named.filter(({ name }) => !known.has(name)).map(({ document, name }) => `${document}: ${name}`),
    'a document names something that the code does not have',
  );
});

test('the way of one file has 25 hops, and each function is where the page says', () => {
  const hops = [...textOf('ARCHITECTURE.md').matchAll(/^\| \d+ \| `([^`]+)` \| `(#?\w+)` \|/gm)];
  assert.equal(hops.length, 25);
  const isDefined = (path: string, name: string): boolean =>
    new RegExp(`(?:function|const|^ +(?:async )?)\\s*${name}\\b`, 'm').test(readFileSync(join(PACKAGE, path), 'utf8'));
  none(
    hops.filter(([, path, name]) => !isDefined(path!, name!)).map(([hop]) => hop),
    'a function is not in the file that the page names',
  );
});
