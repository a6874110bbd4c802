/**
 * One scenario for each trap of koffi's poll. Each runs in its own process, because a trap ends the process or silences
 * it.
 */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { assertSucceeded, directoryFor, type Ended, type RunOptions, runNode } from './support.js';

function inWatched(t: TestContext, source: string, options: RunOptions = {}): Promise<Ended> {
  const prelude = `const { Inotify, IN_CREATE } = linux;
    const path = args[0];
    const watch = (callback, options) => {
      const inotify = new Inotify(callback, options);
      inotify.addWatch({ path, watch_for: IN_CREATE });
      return inotify;
    };
    const create = (name) => fs.writeFileSync(path + '/' + name, '');
    const turn = () => new Promise((resolve) => setTimeout(resolve, 1));
    const openInotify = () => fs.readdirSync('/proc/self/fd').filter((fd) => {
      try { return fs.readlinkSync('/proc/self/fd/' + fd).includes('inotify'); } catch { return false; }
    }).length;`;
  return runNode(t, prelude + source, { ...options, args: [directoryFor(t), ...(options.args ?? [])] });
}

test('an instance without a reference continues after a garbage collection', async (t) => {
  const source = `(() => watch(({ name }) => { console.log(name); process.exit(0); }))();
    for (let round = 0; round < 20; round++) { gc(); await turn(); }
    create('seen');`;
  const result = await inWatched(t, source, { nodeArgs: ['--expose-gc'] });
  assertSucceeded(result);
  assert.equal(result.stdout, 'seen\n');
});

test('that trap is real: a bare handle without a reference goes silent', async (t) => {
  const source = `const { default: koffi } = await import(args[1]);
    const { inotify_init1, inotify_add_watch } = await import(args[2]);
    const fd = inotify_init1(0o4000);
    inotify_add_watch(fd, Buffer.from(path + '\\0'), IN_CREATE);
    koffi.node.poll(fd, { readable: true }, () => { console.log('told'); process.exit(); });
    for (let round = 0; round < 20; round++) { gc(); await turn(); }
    create('lost');`;
  const modules = [import.meta.resolve('koffi'), new URL('../../src/linux/libc.js', import.meta.url).href];
  const result = await inWatched(t, source, { nodeArgs: ['--expose-gc'], args: modules });
  assertSucceeded(result);
  assert.equal(result.stdout, '');
});

test('a throw in a callback surfaces as an uncaught exception and ends neither the reading nor other callbacks', async (t) => {
  const source = `process.on('uncaughtException', (error) => console.log('uncaught', error.message));
    const inotify = watch(({ name }) => {
      console.log(name);
      if (name === 'last') inotify.close(); else throw new Error('of ' + name);
    });
    create('a'); create('b');
    await turn(); await turn();
    create('last');`;
  const result = await inWatched(t, source);
  assertSucceeded(result);
  assert.deepEqual(result.stdout.trim().split('\n').sort(), ['a', 'b', 'last', 'uncaught of a', 'uncaught of b']);
});

test('without a handler such a throw ends the process with its stack', async (t) => {
  const result = await inWatched(t, `watch(() => { throw new Error('mine'); }); create('a');`);
  assert.equal(result.code, 1);
  assert.match(result.stderr, /Error: mine\n\s+at /);
});

test('after close nothing is called, and every further call is harmless', async (t) => {
  const source = `const inotify = watch(() => console.log('called after close'));
    create('a');
    for (let round = 0; round < 3; round++) { inotify.close(); inotify.ref(); inotify.unref(); }
    create('b');
    for (let round = 0; round < 20; round++) { gc(); await turn(); }
    try { inotify.addWatch({ path, watch_for: IN_CREATE }); } catch (error) { console.log(error.code); }
    console.log(openInotify());`;
  const result = await inWatched(t, source, { nodeArgs: ['--expose-gc'] });
  assertSucceeded(result);
  assert.equal(result.stdout, 'ERR_ASSERTION\n0\n');
});

test('a close from the callback ends it there, with events still unread', async (t) => {
  const source = `const inotify = watch(({ name }) => { console.log(name); inotify.close(); });
    for (const name of ['a', 'b', 'c']) create(name);`;
  const result = await inWatched(t, source);
  assertSucceeded(result);
  assert.equal(result.stdout, 'a\n');
});

test('a descriptor that is not inotify is refused before it can abort the process', async (t) => {
  const source = `const { pollInotify } = await import(args[1]);
    for (const fd of [fs.openSync(path + '/file', 'w+'), 0, 9999]) {
      try { pollInotify(fd, () => {}); console.log('taken'); } catch (error) { console.log(error.code); }
    }`;
  const poll = new URL('../../src/linux/poll.js', import.meta.url).href;
  const result = await inWatched(t, source, { args: [poll] });
  assertSucceeded(result);
  assert.equal(result.stdout, 'EINVAL\nEINVAL\nEBADF\n');
});

test('process.exit ends a process that watches, also out of a callback', async (t) => {
  const body = { 'at once': 'process.exit(7);', 'in a callback': `create('a');` };
  for (const [when, end] of Object.entries(body)) {
    const result = await inWatched(t, `watch(() => process.exit(7)); ${end}`);
    assert.deepEqual([result.code, result.signal], [7, null], when);
  }
});

test('events that come while the process ends do not abort it', async (t) => {
  for (const end of ['', 'process.exit(0);', `process.on('exit', () => create('b'));`]) {
    assertSucceeded(await inWatched(t, `watch(() => {}, { persistent: false }); create('a'); ${end}`));
  }
});

test('a worker thread reads by a timer: its watches work, Node warns of no descriptor, and its end is harmless', async (t) => {
  const source = `import { Worker } from 'node:worker_threads';
    let warnings = 0;
    process.on('warning', () => { warnings += 1; });
    const body = "import('node:worker_threads').then(({ parentPort }) => import(" + JSON.stringify(args[1]) +
      ").then(({ Inotify, IN_CREATE }) => { const inotify = new Inotify(({ name }) => { if (name === 'a') inotify.close(); parentPort.postMessage(name); });" +
      " inotify.addWatch({ path: " + JSON.stringify(path) + ", watch_for: IN_CREATE });" +
      " parentPort.postMessage('ready'); setInterval(() => {}, 1000); }))";
    for (const name of ['a', 'b']) {
      const worker = new Worker(body, { eval: true });
      worker.on('error', (error) => console.log(error.message));
      await new Promise((resolve) => worker.on('message', (told) => {
        if (told === 'ready') create(name);
        else { console.log(told); resolve(); }
      }));
      await worker.terminate();
      create(name + name);
    }
    for (let round = 0; round < 50; round++) await turn();
    console.log(warnings);`;
  const result = await inWatched(t, source, { args: [new URL('../../src/linux/index.js', import.meta.url).href] });
  assertSucceeded(result);
  assert.equal(result.stdout, 'a\nb\n0\n');
});

test('a process ends by itself after close, and with an instance that is not persistent', async (t) => {
  for (const end of ['inotify.close()', 'inotify.unref()']) {
    assertSucceeded(await inWatched(t, `const inotify = watch(() => {}); create('a'); ${end};`));
  }
  assertSucceeded(await inWatched(t, 'watch(() => {}, { persistent: false });'));
  const kept = `const inotify = watch(() => { console.log('told'); inotify.close(); }, { persistent: false });
    inotify.ref();
    setTimeout(() => create('late'), 20).unref();
    process.on('exit', () => {});`;
  // Only the instance keeps the process alive, so that the unref'd timer can fire.
  assert.equal((await inWatched(t, kept)).stdout, 'told\n');
});

test('no instance to be had is a typed error that leaves no descriptor', async (t) => {
  const source = `const open = [];
    try { for (;;) open.push(fs.openSync('/dev/null')); } catch {}
    try { new Inotify(() => {}); } catch (error) { console.log(error.name, error.code, error.call, /max_user_instances/.test(error.message)); }
    for (const fd of open) fs.closeSync(fd);
    console.log(openInotify());
    new Inotify(() => {}).close();
    console.log(openInotify());`;
  const result = await inWatched(t, source, { through: ['sh', '-c', 'ulimit -n 64 && exec "$@"', 'sh'] });
  assertSucceeded(result);
  assert.equal(result.stdout, 'LinuxError EMFILE inotify_init1 true\n0\n0\n');
});

test('a child process does not get the descriptor', async (t) => {
  const source = `import { execFileSync } from 'node:child_process';
    const inotify = new Inotify(() => {});
    console.log(openInotify(), /inotify/.test(execFileSync('ls', ['-l', '/proc/self/fd'], { encoding: 'utf8' })));
    inotify.close();`;
  const result = await inWatched(t, source);
  assertSucceeded(result);
  assert.equal(result.stdout, '1 false\n');
});

test('a thousand instances opened and closed leave none open', async (t) => {
  const source = `for (let round = 0; round < 1000; round++) watch(() => {}).close();
    await turn();
    console.log(openInotify());`;
  const result = await inWatched(t, source);
  assertSucceeded(result);
  assert.equal(result.stdout, '0\n');
});
