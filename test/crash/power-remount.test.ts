/**
 * After a reboot the same filesystem may have another device number: work that was under way goes on as if nothing had happened.
 * A disk that was cut also comes back while another mount namespace still has it as it was.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, fsyncSync, openSync, readFileSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { pause, resume } from '../world/hand.js';
import { until } from '../world/waiting.js';
import { createWorld } from '../world/world.js';
import { cutPower, makeDisk, mountDisk, remount, unmountDisk, whyNoPowerCuts } from './power-disks.js';

for (const stage of ['hash', 'manifest', 'move'] as const) {
  test(`files that were sealed before a reboot gave their disk another number, before ${stage}`, async (t) => {
    const why = whyNoPowerCuts();
    if (why) return t.skip(why);
    const world = createWorld(t, { options: { stabilitySeconds: 0, quietMs: 0 } });
    const data = makeDisk('data', world.input, 'ext4');
    const other = makeDisk('other', join(world.root, 'other'), 'ext4');
    world.start('ingest');
    await world.event('worker_started', (e) => String(e.worker).startsWith('worker'));
    await pause(world.statePath, stage);
    for (let n = 0; n < 5; n++) world.drop(`${n}.csv`, 100);
    const areThere = () => world.jobs().filter((job) => job.stage === stage).length === 5;
    await until(`the files are at ${stage}`, areThere, { withinMs: 60_000 });
    await world.stop();
    const before = statSync(world.input).dev;
    for (let tries = 0; tries < 10 && statSync(world.input).dev === before; tries++) {
      for (const disk of [data, other]) unmountDisk(disk);
      for (const disk of [other, data]) mountDisk(disk);
    }
    if (statSync(world.input).dev === before) return t.skip('the disk got the same number: nothing was tested');
    await resume(world.statePath, stage);
    const ended = await world.run('ingest', ['--once']);
    assert.equal(ended.code, 0, ended.stdout);
    world.check();
  });
}

for (const type of ['ext4', 'xfs'] as const) {
  test(`a cut ${type} that another mount namespace pins is mounted again, with what it had`, async (t) => {
    const why = whyNoPowerCuts();
    if (why) return t.skip(why);
    const disk = makeDisk('disk', join(createWorld(t).root, 'disk'), type);
    const file = join(disk.place, 'file');
    const fd = openSync(file, 'w');
    writeSync(fd, 'before');
    fsyncSync(fd);
    closeSync(fd);
    const other = spawn('unshare', ['-m', 'sh', '-c', 'echo here; read -r line'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    t.after(() => other.kill('SIGKILL'));
    await once(other.stdout, 'data');
    cutPower([disk], ['logflush']);
    assert.throws(() => writeFileSync(file, 'after'), /EIO/);
    await remount([disk]);
    assert.equal(readFileSync(file, 'utf8'), 'before');
    writeFileSync(file, 'after');
  });
}
