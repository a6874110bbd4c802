/** The reconciler by itself, at a real tree: how often it looks, and what it tells. */
import assert from 'node:assert/strict';
import { closeSync, mkdirSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import type { ByteName } from '../../src/linux/names.js';
import type { Hint, ScanCause } from '../../src/watcher/engine/types.js';
import { LinuxLooker } from '../../src/watcher/look-linux.js';
import type { Picture } from '../../src/watcher/picture.js';
import { PictureStore } from '../../src/watcher/picture-store.js';
import { Reconciler } from '../../src/watcher/reconciler.js';
import type { Looker } from '../../src/watcher/seen.js';
import type { Telling } from '../../src/watcher/telling.js';
import { directoryFor } from '../linux/support.js';

const ROOT = '' as ByteName;

interface Ground {
  root: string;
  picture: Picture;
  told: Telling[];
  /** Hands a whole scan of the root to a reconciler; answers how often it looked. */
  scan(reconciler: Reconciler, cause: ScanCause, names: readonly string[]): Promise<number>;
  /** Hands one mark to it. */
  mark(reconciler: Reconciler, path: string, by: Hint): Promise<void>;
  reconciler(): Reconciler;
}

function groundFor(t: Parameters<typeof directoryFor>[0]): Ground {
  const root = directoryFor(t);
  const store = new PictureStore(undefined);
  const { picture } = store.root(root as ByteName);
  const fd = openSync(root, 'r');
  const told: Telling[] = [];
  t.after(() => {
    store.close();
    closeSync(fd);
  });
  const reconciler = (): Reconciler =>
    new Reconciler(picture, {
      tells: () => true,
      tell: (telling) => told.push(telling),
      room: () => undefined,
      directory: () => {},
      later: () => {},
      failed: (path, code) => assert.fail(`${path}: ${code}`),
      seen: () => {},
      renameId: () => '1',
    });
  const scan: Ground['scan'] = async (by, cause, names) => {
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
  const mark: Ground['mark'] = async (to, path, by) => {
    const looker = new LinuxLooker({ fd });
    await to.run([{ path: path as ByteName, by }], looker);
    looker.close();
  };
  return { root, picture, told, scan, mark, reconciler };
}

const NAMES = Array.from({ length: 50 }, (_, n) => `file-${n}`);

test('the first scan of a tree of which nothing is known looks at each path once', async (t) => {
  const { root, picture, told, scan, reconciler } = groundFor(t);
  for (const name of NAMES) writeFileSync(`${root}/${name}`, name);
  const first = reconciler();
  first.silent = true;
  assert.equal(await scan(first, 'start', NAMES), NAMES.length);
  assert.equal(picture.namesIn(ROOT, undefined, 100).length, NAMES.length);
  assert.equal(told.length, 0);

  // Each other scan asks of what it did not meet too.
  first.silent = false;
  rmSync(`${root}/${NAMES[7]}`);
  const rest = NAMES.filter((_, n) => n !== 7);
  assert.ok((await scan(first, 'periodic', rest)) > NAMES.length);
  assert.deepEqual(
    told.map(({ operation, path }) => [operation, path]),
    [['delete', NAMES[7]]],
  );
});

test('what a start before this one had noted is asked for, though this one is as silent', async (t) => {
  const { root, picture, scan, reconciler } = groundFor(t);
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
  assert.equal(picture.get(NAMES[7] as ByteName), undefined);
  assert.equal(picture.namesIn(ROOT, undefined, 100).length, NAMES.length - 1);
});

test('a directory that is back where another one was is told again with what it holds', async (t) => {
  const { root, told, reconciler, mark } = groundFor(t);
  const here = (name: string): string => `${root}/${name}`;
  const by = reconciler();
  mkdirSync(here('d/below'), { recursive: true });
  writeFileSync(here('d/below/file'), '1');
  await mark(by, 'd', 'rename');
  await mark(by, 'd/below', 'write');
  await mark(by, 'd/below/file', 'write');
  assert.equal(told.splice(0).length, 3);

  renameSync(here('d'), here('away'));
  mkdirSync(here('d'));
  await mark(by, 'd', 'write');
  assert.deepEqual(said(told.splice(0)), ['put d']);
  // Whoever looks at what it was told now, meets nothing. No scan has missed it yet.
  rmSync(here('d'), { recursive: true });
  renameSync(here('away'), here('d'));
  await mark(by, 'd', 'rename');
  assert.deepEqual(said(told).sort(), ['put d', 'put d/below', 'put d/below/file']);
});

const said = (told: readonly Telling[]): string[] => told.map(({ operation, path }) => `${operation} ${path}`);
