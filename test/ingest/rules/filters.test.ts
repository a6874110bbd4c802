/** Each rule that keeps a path out. The producer's quick answer and the explanation must agree. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeFilters } from '../../../src/ingest/rules/filters.js';
import { type ByteName, nameOfText } from '../../../src/linux/names.js';

const OPTIONS = {
  input: '/data/in',
  workDir: undefined as string | undefined,
  mode: 'stability' as 'stability' | 'sidecar',
  sidecarSuffix: '.ok',
  recursive: true,
  include: [] as string[],
  exclude: [] as string[],
  minBytes: 0,
};
const rule = (path: string, options: Partial<typeof OPTIONS> = {}): string | undefined =>
  makeFilters({ ...OPTIONS, ...options }).whyNot(nameOfText(path))?.rule;

test('hidden files and directories, at any depth', () => {
  assert.equal(rule('.x.csv'), 'hidden');
  assert.equal(rule('.d/x.csv'), 'hidden');
  assert.equal(rule('a/.d/b/x.csv'), 'hidden');
  assert.equal(rule('a/x.csv'), undefined);
});

test('names of unfinished files', () => {
  for (const name of ['x.tmp', 'x.part', 'x.swp', 'x~', 'x.filepart', 'x.crdownload', 'x.metadata.json'])
    assert.equal(rule(`d/${name}`), 'temporary_name', name);
  assert.equal(rule('x.tmp.csv'), undefined);
  assert.equal(rule('d.tmp/x.csv'), undefined);
});

test('sidecars speak of their data file, in sidecar mode alone', () => {
  const filters = makeFilters({ ...OPTIONS, mode: 'sidecar' });
  assert.equal(filters.target(nameOfText('d/x.csv.ok')), 'd/x.csv');
  assert.equal(filters.target(nameOfText('d/x.csv')), 'd/x.csv');
  assert.equal(filters.target(nameOfText('d/x.tmp.ok')), undefined);
  assert.equal(filters.whyNot(nameOfText('x.csv.ok'))?.rule, 'sidecar');
  assert.equal(rule('x.csv.ok'), undefined);
});

test('globs: without a slash the last part counts, with one the path', () => {
  assert.equal(rule('a/x.csv', { include: ['*.csv'] }), undefined);
  assert.equal(rule('a/x.txt', { include: ['*.csv'] }), 'not_included');
  assert.equal(rule('a/x.csv', { include: ['b/*.csv'] }), 'not_included');
  assert.equal(rule('old/deep/x.csv', { exclude: ['old/**'] }), 'excluded');
  assert.equal(rule('ä.csv', { include: ['?.csv'] }), undefined);
  assert.equal(makeFilters({ ...OPTIONS, include: ['*.csv'] }).target('\xff.csv' as ByteName), '\xff.csv');
});

test('the work directory inside the input, and only that one', () => {
  const options = { workDir: '/data/in/work' };
  assert.equal(rule('work/underprocess/x', options), 'work_directory');
  assert.equal(rule('work2/x', options), undefined);
  assert.equal(rule('work/x', { workDir: '/data/in2/work' }), undefined);
});

test('subdirectories without recursion', () => {
  assert.equal(rule('a/x.csv', { recursive: false }), 'not_recursive');
  assert.equal(rule('x.csv', { recursive: false }), undefined);
});

test('what lies there: kind and size', () => {
  const { whyNot } = makeFilters({ ...OPTIONS, minBytes: 2 });
  const path = nameOfText('x.csv');
  assert.equal(whyNot(path, { kind: 'fifo', size: 0 })?.rule, 'not_a_file');
  assert.equal(whyNot(path, { kind: 'file', size: 1 })?.rule, 'too_small');
  assert.equal(whyNot(path, { kind: 'file', size: 2 }), undefined);
});

test('the quick answer for a file is the explanation without its directories', () => {
  const filters = makeFilters({ ...OPTIONS, mode: 'sidecar', include: ['*.csv'], exclude: ['x*'] });
  for (const name of ['a.csv', 'x.csv', 'a.txt', '.a.csv', 'a.csv~', 'a.tmp'])
    assert.equal(filters.target(nameOfText(name)) === undefined, filters.whyNot(nameOfText(name)) !== undefined, name);
});
