/**
 * The reconciler by itself, on a real tree: how often it checks, and which paths become pending.
 */
import assert from 'node:assert/strict';
import { closeSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import type { ByteName } from '../../src/linux/names.js';
import type { ScanCause } from '../../src/watcher/backend/types.js';
import type { DeliveredTree } from '../../src/watcher/reconcile/delivered-tree.js';
import { LinuxLooker } from '../../src/watcher/reconcile/linux-looker.js';
import type { Looker } from '../../src/watcher/reconcile/looker.js';
import type { PendingPath } from '../../src/watcher/reconcile/pending.js';
import { Reconciler } from '../../src/watcher/reconcile/reconciler.js';
import { StateStore } from '../../src/watcher/reconcile/state-store.js';
import { directoryFor } from '../linux/support.js';

const ROOT = '' as ByteName;

interface Backend {
  root: string;
  deliveredTree: DeliveredTree;
  doubted: PendingPath[];
  /** Gives a whole scan of the root to a reconciler; returns how often it checked. */
  scan(reconciler: Reconciler, cause: ScanCause, names: readonly string[]): Promise<number>;
  reconciler(): Reconciler;
}

function groundFor(t: Parameters<typeof directoryFor>[0]): Backend {
  const root = directoryFor(t);
  const store = new StateStore(undefined);
  const { deliveredTree } = store.root(root as ByteName);
  const fd = openSync(root, 'r');
  const doubted: PendingPath[] = [];
  t.after(() => {
    store.close();
    closeSync(fd);
  });
  const reconciler = (): Reconciler =>
    new Reconciler(deliveredTree, {
      wants: () => true,
      addPending: (doubt) => doubted.push(doubt),
      wake: () => {},
      room: () => undefined,
      directory: () => {},
      later: () => {},
      failed: (path, code) => assert.fail(`${path}: ${code}`),
      seen: () => {},
    });
  const scan: Backend['scan'] = async (by, cause, names) => {
    const looker = new LinuxLooker({ fd });
    let looks = 0;
    const counted: Looker = {
      look(path) {
        looks += 1;
        return looker.look(path);
      },
      forget: () => looker.forget(),
      close: () => looker.close(),
    };
    const marks = names.map((name) => ({ path: name as ByteName, by: 'scan' as const }));
    await by.run(marks, counted, { cause, listed: [ROOT], done: true });
    looker.close();
    return looks;
  };
  return { root, deliveredTree, doubted, scan, reconciler };
}

const NAMES = Array.from({ length: 50 }, (_, n) => `file-${n}`);

test('the first scan of an unknown tree checks each path once', async (t) => {
  const { root, deliveredTree, doubted, scan, reconciler } = groundFor(t);
  for (const name of NAMES) writeFileSync(`${root}/${name}`, name);
  const first = reconciler();
  first.silent = true;
  assert.equal(await scan(first, 'start', NAMES), NAMES.length);
  assert.equal(deliveredTree.namesIn(ROOT, undefined, 100).length, NAMES.length);
  assert.equal(doubted.length, 0);

  // Every other scan also checks the paths that it did not find.
  first.silent = false;
  rmSync(`${root}/${NAMES[7]}`);
  const rest = NAMES.filter((_, n) => n !== 7);
  assert.ok((await scan(first, 'periodic', rest)) > NAMES.length);
  assert.deepEqual(
    doubted.map(({ by, path }) => [by, path]),
    [['delete', NAMES[7]]],
  );
});

test('paths that an earlier start had stored are checked, although this start emits no events either', async (t) => {
  const { root, deliveredTree, scan, reconciler } = groundFor(t);
  for (const name of NAMES) writeFileSync(`${root}/${name}`, name);
  const killed = reconciler();
  killed.silent = true;
  await scan(killed, 'start', NAMES);
  rmSync(`${root}/${NAMES[7]}`);

  const next = reconciler();
  next.silent = true;
  await scan(
    next,
    'start',
    NAMES.filter((_, n) => n !== 7),
  );
  assert.equal(deliveredTree.get(NAMES[7] as ByteName), undefined);
  assert.equal(deliveredTree.namesIn(ROOT, undefined, 100).length, NAMES.length - 1);
});
