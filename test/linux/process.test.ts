import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import {
  bootId,
  bootMs,
  clockEpoch,
  fsKindOf,
  fsKindOfMagic,
  nameOfText,
  setParentDeathSignal,
} from '../../src/linux/index.js';
import { until } from '../world/waiting.js';
import { assertSucceeded, directoryFor, linesOf, onlyRoot, openPath, runNode, startNode } from './support.js';

test('a child that asked for it dies with its parent, also when it is stopped', async (t) => {
  const grandchild = `linux.setParentDeathSignal('SIGKILL'); console.log(process.pid); setInterval(() => {}, 1000);`;
  const source = `import { spawn } from 'node:child_process';
    const index = process.execArgv.at(-1).match(/from ("[^"]*")/)[1];
    spawn(process.execPath, ['--input-type=module', '-e', 'import * as linux from ' + index + ';' + args[0]], { stdio: 'inherit' });
    setInterval(() => {}, 1000);`;
  const parent = startNode(t, source, { args: [grandchild] });
  const pid = Number(await linesOf(parent)());
  t.after(() => endIfThere(pid));
  process.kill(pid, 'SIGSTOP');
  parent.kill('SIGKILL');
  // The grandchild has the other end of this pipe, so its end is seen when it dies.
  await once(parent, 'close');
  await until('it is dead', () => ['gone', 'Z'].includes(stateOf(pid)), { soFar: () => stateOf(pid) });
});

function stateOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]![0]!;
  } catch {
    return 'gone';
  }
}

function endIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'ESRCH');
  }
}

test('an unknown signal is an error', () => {
  assert.throws(() => setParentDeathSignal('SIGNOTHING' as never));
});

test('the boot clock is the one that the kernel counts uptime by, with a fraction', () => {
  const uptimeMs = () => Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]) * 1000;
  const [before, now, after] = [uptimeMs(), bootMs(), uptimeMs()];
  assert.ok(before - 10 <= now && now <= after + 10, `${before} ${now} ${after}`);
  assert.ok(Array.from({ length: 100 }, bootMs).some((each) => !Number.isInteger(each)));
});

test('the boot and the time namespace have names that another process agrees on', async (t) => {
  const result = await runNode(t, 'console.log(linux.clockEpoch());');
  assertSucceeded(result);
  assert.match(bootId(), /^[0-9a-f-]{36}$/);
  assert.equal(result.stdout, `${clockEpoch()}\n`);
});

test('the filesystem of a path and of a descriptor is returned', (t) => {
  const path = directoryFor(t);
  const fd = openPath(path);
  assert.deepEqual(fsKindOf(fd), fsKindOf(nameOfText(path)));
  assert.equal(fsKindOf(nameOfText('/proc')).leasesMeaningful, false);
  assert.throws(() => fsKindOf(nameOfText('/nowhere')), { code: 'ENOENT' });
});

test('tmpfs and overlayfs are distinguished when they are mounted', {
  skip: onlyRoot('an overlay mount'),
}, async (t) => {
  const path = directoryFor(t);
  const mounts =
    'mount -t tmpfs none "$0" && cd "$0" && mkdir l u w m && mount -t overlay -o lowerdir=l,upperdir=u,workdir=w none m && exec "$@"';
  const source = `const kind = (p) => linux.fsKindOf(linux.nameOfText(p)); console.log(JSON.stringify([kind('.'), kind('m')]));`;
  const result = await runNode(t, source, { through: ['unshare', '-m', 'sh', '-c', mounts, path] });
  assertSucceeded(result);
  assert.deepEqual(JSON.parse(result.stdout), [
    { name: 'tmpfs', network: false, leasesMeaningful: true, syncfsHonoured: true, inMemory: true },
    { name: 'overlayfs', network: false, leasesMeaningful: false, syncfsHonoured: false },
  ]);
});

test('network filesystems are trusted with nothing, local ones with what they keep', () => {
  for (const magic of [0x6969, 0x517b, 0xff534d42, 0xfe534d42, 0x01021997, 0x65735546]) {
    const { name, ...trust } = fsKindOfMagic(magic);
    assert.deepEqual(trust, { network: true, leasesMeaningful: false, syncfsHonoured: false }, name);
  }
  for (const magic of [0xef53, 0x58465342, 0x9123683e, 0xf2f52010]) {
    const { name, ...trust } = fsKindOfMagic(magic);
    assert.deepEqual(trust, { network: false, leasesMeaningful: true, syncfsHonoured: true }, name);
  }
  assert.deepEqual(fsKindOfMagic(0x1234), {
    name: '0x1234',
    network: false,
    leasesMeaningful: false,
    syncfsHonoured: false,
  });
});
