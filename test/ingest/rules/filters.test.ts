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

test('what filesystems keep at their root: there alone, and removed files of NFS anywhere', () => {
  for (const name of [
    'lost+found',
    'System Volume Information',
    '$RECYCLE.BIN',
    '.Trash-1000',
    '.snapshot',
    '#recycle',
  ])
    assert.equal(rule(`${name}/x.csv`), 'of_filesystem', name);
  assert.equal(rule('aquota.user'), 'of_filesystem');
  assert.equal(rule('a/.nfs000000000012af4500000001'), 'of_filesystem');
  for (const path of ['a/lost+found/x.csv', 'a/aquota.user', 'lost+found2/x.csv', '$recycle/x.csv'])
    assert.equal(rule(path), undefined, path);
});

test('names of unfinished files', () => {
  const endings = [
    '.tmp',
    '.part',
    '.partial',
    '.part.minio',
    '.swp',
    '~',
    '.filepart',
    '.crdownload',
    '.metadata.json',
  ];
  for (const end of [...endings, '._COPYING_', '_.gstmp'])
    for (const one of [end, end.toLowerCase(), end.toUpperCase()])
      assert.equal(rule(`d/x.csv${one}`), 'temporary_name', one);
  assert.match(makeFilters(OPTIONS).whyNot(nameOfText('x.PART'))!.sentence, /^x\.PART ends in \.PART, as unfinished/);
  for (const name of ['x.tmp.csv', 'x.apart', 'part', 'gstmp', 'x.partial.gz', 'x._COPYING_.csv'])
    assert.equal(rule(name), undefined, name);
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
