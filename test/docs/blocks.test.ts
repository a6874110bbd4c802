/** Each code block of a document that could run is run by a test, or says why it is not. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { PACKAGE } from '../world/program.js';
import { blocksOf, DOCUMENTS } from './documents.js';

/** Pictures, output, and results: nothing of them runs. A manifest line is compared by readme.test.ts. */
const NOT_CODE = new Set(['', 'text', 'mermaid']);

/**
 * How many blocks of a document are run, and by which test; `all` where that test itself finds a block that it does not run.
 * A new block is run by a new test, or has a note with the reason.
 */
const RUN: Record<string, Partial<Record<string, [blocks: number | 'all', test: string]>>> = {
  'README.md': { sh: [1, 'docs/readme.test.ts'], json: [1, 'docs/readme.test.ts'] },
  'docs/alarms.md': {
    yaml: [1, 'service/alarms/document.test.ts'],
    json: [1, 'service/alarms/document.test.ts'],
    js: [1, 'service/alarms/document.test.ts'],
    sh: [2, 'service/alarms/document.test.ts'],
  },
  'docs/consumers.md': {
    sh: [2, 'docs/consumers-bucket.test.ts'],
    python: [1, 'docs/consumers.test.ts'],
    sql: [2, 'docs/consumers-bucket.test.ts'],
  },
  'docs/fleet.md': { sh: [2, 'docs/fleet.test.ts'] },
  'docs/http-api.md': { sh: [1, 'docs/http-api.test.ts'] },
  'docs/processing.md': {
    yaml: [1, 'docs/processing.test.ts'],
    sh: [1, 'docs/processing.test.ts'],
    js: [2, 'docs/processing.test.ts'],
  },
  'docs/publish.md': { yaml: [1, 'docs/publish.test.ts'] },
  'docs/replicate.md': { sh: [1, 'docs/replicate.test.ts'], ts: ['all', 'docs/examples.test.ts'] },
  'docs/watcher.md': { ts: ['all', 'docs/examples.test.ts'] },
  'queue/README.md': { ts: [1, 'docs/queue.test.ts'] },
  'ops/simulate/README.md': { sh: [1, 'docs/simulate.test.ts'] },
};

/** Pages with a test of their own that compares or runs the whole page. */
const WITH_OWN_TESTS: Record<string, string> = {
  'ops/runbook.md': 'ops/runbook.test.ts',
  // Made from the schema of the options.
  'docs/options.md': 'ops/reference/docs.test.ts',
  // Followed on a machine of its own, from the package.
  'docs/install.md': '../.ci/deb-machine',
  'ops/artefacts/watcher-readme.md': 'docs/watcher-readme.test.ts',
};

const source = (path: string): string => join(PACKAGE, 'test', path);

test('each code block is run by a test, or has a note that says why not', () => {
  const wrong: string[] = [];
  for (const document of DOCUMENTS.filter((one) => WITH_OWN_TESTS[one] === undefined)) {
    const blocks = blocksOf(document).filter(({ language }) => !NOT_CODE.has(language));
    const open = blocks.filter(({ note }) => !/^not run: .{10}/.test(note ?? ''));
    for (const language of new Set([...open.map((block) => block.language), ...Object.keys(RUN[document] ?? {})])) {
      const found = open.filter((block) => block.language === language).length;
      const [run = 0] = RUN[document]?.[language] ?? [];
      if (run !== 'all' && found !== run)
        wrong.push(`${document} has ${found} blocks of ${language}, and ${run} are run`);
    }
  }
  assert.deepEqual(wrong, [], 'run it by a test and count it here, or write <!-- not run: REASON --> before it');
});

test('the tests that run them are there, and notes are few', () => {
  const named = [...Object.values(RUN).flatMap((row) => Object.values(row).map((entry) => entry![1]))];
  const own = Object.entries(WITH_OWN_TESTS).flatMap(([document, path]) => (DOCUMENTS.includes(document) ? path : []));
  const gone = [...named, ...own].filter((path) => !existsSync(source(path)));
  assert.deepEqual(gone, []);
  const notes = DOCUMENTS.flatMap((document) => blocksOf(document)).filter(({ note }) => note?.startsWith('not run:'));
  assert.ok(notes.length <= 8, notes.map(({ document, note }) => `${document}: ${note}`).join('\n'));
});
