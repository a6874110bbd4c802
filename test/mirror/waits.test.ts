/**
 * A mirror waits while DEST cannot be used, goes on by itself, and ends at a signal in any state.
 */
import assert from 'node:assert/strict';
import { chmodSync, chownSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { EnvironmentError } from '../../src/base/errors.js';
import { asSomebody, ordinaryUser } from '../world/users.js';
import { until } from '../world/waiting.js';
import { mirrorWorld } from './mirror-world.js';

test('a DEST that may not be entered is refused at a start, and waited for by a running mirror', async (t) => {
  const { root, source, dest, follow, once, alike, heard, told } = mirrorWorld(t);
  for (const path of [root, source, dest]) chownSync(path, ordinaryUser.uid, ordinaryUser.gid);
  await asSomebody(async () => {
    chmodSync(dest, 0o600);
    await assert.rejects(once(), (error: Error) => error instanceof EnvironmentError && /EACCES/.test(error.message));
    chmodSync(dest, 0o700);
    const mirror = await follow();
    chmodSync(dest, 0o600);
    writeFileSync(join(source, 'a'), 'x');
    await until('it is missing', () => told.some(({ event, code }) => event === 'dest_missing' && code === 'EACCES'));
    chmodSync(dest, 0o700);
    await heard('dest_back');
    await alike();
    await mirror.stop();
  });
});
