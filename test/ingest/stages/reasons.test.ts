/** The catalogue of reasons is whole: what a stage defers with has an entry, and no two entries have one code. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { COMMON } from '../../../src/ingest/rules/reasons.js';
import { STAGES } from '../../../src/ingest/stages/index.js';
import { codeOf, REASONS, reasonOf } from '../../../src/ingest/stages/reasons.js';
import { product } from '../../tidy/sources.js';

const GIVEN = /(?:\bdefer\(\s*[^,']*,\s*|kind: 'defer',[^}]*?why: )'(\w+)'/g;

test('each code that is given to defer has an entry', () => {
  const codes = product
    .filter(({ path }) => path.startsWith('src/ingest/'))
    .flatMap(({ text }) => [...text.matchAll(GIVEN)].map(([, code]) => code!));
  assert(codes.length > 10, `only ${codes}`);
  assert.deepEqual(
    codes.filter((code) => !Object.hasOwn(REASONS, code)),
    [],
  );
});

test('a code stands once, in the file of its stage or with those of no stage', () => {
  const all = [COMMON, ...STAGES.map(({ reasons = {} }) => reasons)].flatMap((one) => Object.keys(one));
  assert.deepEqual([...new Set(all)].sort(), [...all].sort());
  assert.equal(reasonOf(codeOf('manifest_busy', 0)).short, 'manifest busy');
  assert.deepEqual([codeOf('process_again', 0), codeOf('a text', 0), codeOf('a text', 2)], ['turn', 'turn', 'retry']);
});
