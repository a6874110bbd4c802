import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { assertSucceeded, directoryFor, ended, linesOf, startNode } from './support.js';

/** The kernel's queue has room for 16,384 events by default; the limit is read, never changed. */
const queued = Number(fs.readFileSync('/proc/sys/fs/inotify/max_queued_events', 'utf8'));
const overflowSkip = queued > 100_000 && `fs.inotify.max_queued_events is ${queued}: an overflow was not tested`;

test('a watcher stopped while more events come than its queue can store reports the overflow', {
  skip: overflowSkip,
}, async (t) => {
  const path = directoryFor(t);
  const source = `let seen = 0;
      const end = (event) => { console.log(JSON.stringify(event), seen); inotify.close(); };
      const inotify = new linux.Inotify((event) => { if (event.mask & linux.IN_Q_OVERFLOW) end(event); else seen++; });
      inotify.addWatch({ path: args[0], watch_for: linux.IN_CREATE });
      console.log('watching');`;
  const watcher = startNode(t, source, { args: [path] });
  const line = linesOf(watcher);
  const end = ended(watcher);
  assert.equal(await line(), 'watching');
  watcher.kill('SIGSTOP');
  for (let at = 0; at < queued + 3_616; at++) fs.closeSync(fs.openSync(join(path, `f${at}`), 'w'));
  watcher.kill('SIGCONT');
  assert.equal(await line(), `${JSON.stringify({ watch: -1, mask: 0x4000, cookie: 0 })} ${queued}`);
  assertSucceeded(await end);
});
