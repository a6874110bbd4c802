/** Every role has returned when it is drained, and cannot end: a thread of its pool hangs in a system call. */
import { execFileSync } from 'node:child_process';
import { open } from 'node:fs';
import { join } from 'node:path';
import { liveAsChild } from '../../../../src/service/supervise/life.js';
import { folderOf, roleOf, steady } from './slot.js';

liveAsChild(async () => async (context) => {
  const pipe = join(folderOf(context), `nobody-writes-${roleOf(context)}`);
  execFileSync('mkfifo', [pipe]);
  open(pipe, 'r', () => {});
  await steady(context);
});
