/**
 * The end of a watcher: at any moment, with nothing left.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { createWatcher, WatcherStoppedError } from '../../src/watcher/index.js';
import { PACKAGE } from '../world/program.js';
import { DEADLINE_MS } from '../world/waiting.js';
import { everywhere, scenario, WatchedTree } from './watched-tree.js';

const descriptors = (): number => readdirSync('/proc/self/fd').length;
/** Resources of the kinds that keep a process alive. */
const resources = (): string =>
  process
    .getActiveResourcesInfo()
    .filter((name) => /Timeout|FSEvent|Poll/i.test(name))
    .join();

everywhere(
  'stopping twice, and before anything: the iterators end, and nothing can be watched any more',
  async (told) => {
    const watcher = await told.start({}, { listens: false });
    const taking = (async () => {
      for await (const { path } of watcher.events()) assert.equal(path, told.at('taken by nobody'));
    })();
    writeFileSync(told.at('taken by nobody'), '');
    const idle = assert.rejects(watcher.idle(), WatcherStoppedError);
    await Promise.all([watcher.stop(), watcher.stop()]);
    await Promise.all([taking, idle]);
    await assert.rejects(watcher.idle(), WatcherStoppedError);
    await assert.rejects(watcher.watch(told.root), WatcherStoppedError);
    const fresh = createWatcher();
    await fresh.stop();
    await assert.rejects(fresh.watch(told.root), WatcherStoppedError);
  },
);

everywhere('stopping during the first scan', async (told) => {
  for (let i = 0; i < 300; i++) mkdirSync(told.at(`d${i}`));
  const before = descriptors();
  const watcher = createWatcher({ backend: told.backend });
  const watching = watcher.watch(told.root);
  await new Promise((turn) => setImmediate(turn));
  await Promise.all([watcher.stop(), assert.rejects(watching, WatcherStoppedError)]);
  assert.equal(descriptors(), before);
});

everywhere('stopping while a consumer takes nothing', async (told) => {
  await told.start({ bufferMax: 1 }, { listens: false });
  for (const name of ['a', 'b', 'c']) writeFileSync(told.at(name), '');
  // An iterator of which one event was taken: by then the others wait.
  await told.watcher.events().next();
  await told.stop();
});

scenario('an abort is a stop, also one that came before', async (told) => {
  const abort = new AbortController();
  const watcher = await told.start({ signal: abort.signal });
  abort.abort();
  await assert.rejects(watcher.watch(told.base), WatcherStoppedError);
  await assert.rejects(createWatcher({ signal: abort.signal }).watch(told.root), WatcherStoppedError);
  await watcher.stop();
});

for (const backend of ['inotify', 'node', 'poll'] as const)
  test(`a hundred starts and stops leave no descriptor and no timer (${backend})`, async () => {
    const told = new WatchedTree(backend);
    mkdirSync(told.at('d'));
    const round = async (): Promise<void> => {
      const watcher = createWatcher({ backend, signal: new AbortController().signal });
      await watcher.watch(told.root);
      await watcher.stop();
    };
    await round();
    const before = [descriptors(), resources()];
    for (let i = 0; i < 100; i++) await round();
    assert.deepEqual([descriptors(), resources()], before);
    await told.end();
  });

/** Imported as a user of the package imports it. */
const run = (script: string): string =>
  execFileSync(process.execPath, ['--input-type=module', '-e', script], {
    cwd: PACKAGE,
    encoding: 'utf8',
    timeout: DEADLINE_MS,
  });

scenario('the package is imported by its name, and the process ends by itself after a stop', async (told) => {
  const out = run(`
    import { createWatcher, profiles, WatcherError } from 'atomic-ingestor/watcher';
    import { writeFileSync } from 'node:fs';
    const watcher = createWatcher({ ...profiles.development });
    await watcher.watch(${JSON.stringify(told.root)});
    writeFileSync(${JSON.stringify(told.at('a'))}, '');
    for await (const { operation } of watcher.events()) { console.log(operation); await watcher.stop(); }
    await watcher.watch('/').catch((error) => console.log(error.name, error instanceof WatcherError));`);
  assert.equal(out, 'put\nWatcherStoppedError false\n');
});

scenario('the node backend loads no binding of the system', async (told) => {
  const script = (backend: string) => `
    import { createWatcher } from 'atomic-ingestor/watcher';
    import { readFileSync } from 'node:fs';
    const watcher = createWatcher({ backend: '${backend}' });
    await watcher.watch(${JSON.stringify(told.root)});
    console.log(/koffi/.test(readFileSync('/proc/self/maps', 'utf8')));
    await watcher.stop();`;
  assert.equal(run(script('node')), 'false\n');
  assert.equal(run(script('inotify')), 'true\n');
});
