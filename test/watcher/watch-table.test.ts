/**
 * The table of watches, which finds each by descriptor and by path, compared with one list of them.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ByteName } from '../../src/linux/names.js';
import { WatchTable } from '../../src/watcher/backend/inotify-tree.js';

const SEED = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
const PARTS = ['a', 'b', 'ab', 'a0', '\xff\xfe', 'x'.repeat(255)];

function random(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

interface Row {
  path: ByteName;
  round: number;
}

const sorted = (wds: Iterable<number>): number[] => [...wds].sort((a, b) => a - b);
const where = (rows: ReadonlyMap<number, Row>, isWanted: (row: Row) => boolean): number[] =>
  sorted([...rows].filter(([, row]) => isWanted(row)).map(([wd]) => wd));

test('random adds, renames, removals and questions are answered as by a list', (t) => {
  t.diagnostic(`SEED=${SEED}`);
  const below = random(SEED);
  const table = new WatchTable();
  const rows = new Map<number, Row>();
  const at = (path: string): number | undefined => [...rows].find(([, row]) => row.path === path)?.[0];
  const somePath = (): ByteName => {
    const parts = Array.from({ length: below(4) }, () => PARTS[below(PARTS.length)]!);
    return [...parts, ...(below(2) ? [`${below(3_000)}`] : [])].join('/') as ByteName;
  };
  for (let step = 0; step < 6_000; step++) {
    const path = somePath();
    const known = at(path);
    assert.equal(table.wdOf(path), known);
    const wd = known ?? step + 1;
    if (known === undefined) table.add(wd, path, step);
    else table.met(wd, step);
    rows.set(wd, { path, round: step });
    // Now and then half of the tree is removed.
    const gone = step % 1_000 === 999 ? sorted(rows.keys()).filter((one) => one % 2) : below(3) ? [] : [below(step)];
    for (const one of gone) assert.equal(table.delete(one), rows.delete(one));
    if (step % 100 > 0) continue;
    for (const [one, row] of rows) assert.equal(table.pathOf(one), row.path);
    assert.equal(table.pathOf(step + 2), undefined);
    assert.deepEqual(
      sorted(table.before(step - 50)),
      where(rows, ({ round }) => round < step - 50),
    );
    const top = somePath();
    const isBelow = (row: Row): boolean => top === '' || row.path === top || row.path.startsWith(`${top}/`);
    assert.deepEqual(sorted(table.below(top)), where(rows, isBelow));
  }
});
