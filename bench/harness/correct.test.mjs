/** The judge finds what is wrong: a benchmark of a program that loses files must say so. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { faultsOf, judge } from './correct.mjs';
import { sha256, smallContent, smallDigests } from './inputs.mjs';

function delivered(count) {
  const base = mkdtempSync(join(os.tmpdir(), 'bench-judge-'));
  const world = { base };
  for (const name of ['input', 'warehouse', 'manifests']) {
    world[name] = join(base, name);
    mkdirSync(world[name]);
  }
  for (let n = 0; n < count; n++) writeFileSync(join(world.warehouse, `${n}.csv`), smallContent(n));
  const lines = [...smallDigests(count)].map((digest) => JSON.stringify({ sha256: digest }));
  return { world, lines, tell: () => writeFileSync(join(world.manifests, 'manifest.jsonl'), `${lines.join('\n')}\n`) };
}

/** What each thing that may go wrong is called, and how it is done. */
const WRONG = {
  missing: ({ world }) => rmSync(join(world.warehouse, '1.csv')),
  wrongBytes: ({ world }) => writeFileSync(join(world.warehouse, '1.csv'), 'half'),
  storedTwice: ({ world }) => writeFileSync(join(world.warehouse, 'again.csv'), smallContent(1)),
  withoutLine: ({ lines }) => lines.pop(),
  linesTwice: ({ lines }) => lines.push(lines[0]),
  leftInInput: ({ world }) => writeFileSync(join(world.input, 'x.csv'), 'x'),
};

test('what arrived whole is exact, and lines of sha256sum count as lines too', () => {
  const made = delivered(3);
  made.lines[0] = `${sha256(smallContent(0))}  0.csv`;
  made.tell();
  const verdict = judge(made.world, smallDigests(3));
  assert.deepEqual([verdict.exact, faultsOf(verdict)], [true, '']);
  rmSync(made.world.base, { recursive: true });
});

for (const [fault, act] of Object.entries(WRONG))
  test(`tells ${fault}`, () => {
    const made = delivered(3);
    act(made);
    made.tell();
    const verdict = judge(made.world, smallDigests(3));
    assert.equal(verdict.exact, false);
    assert(verdict[fault] > 0 && faultsOf(verdict).includes(fault));
    rmSync(made.world.base, { recursive: true });
  });
