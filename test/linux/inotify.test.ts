import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import {
  IN_ALL_EVENTS,
  IN_ATTRIB,
  IN_CLOSE_WRITE,
  IN_CREATE,
  IN_DELETE_SELF,
  IN_DONT_FOLLOW,
  IN_IGNORED,
  IN_MODIFY,
  IN_MOVE,
  IN_MOVED_FROM,
  IN_MOVED_TO,
  IN_ONLYDIR,
  Inotify,
  type InotifyCallback,
  type InotifyEvent,
  nameOfBytes,
  nameOfText,
  type WatchPlace,
} from '../../src/linux/index.js';
import { directoryFor, openPath } from './support.js';

function instanceFor(t: TestContext, callback: InotifyCallback = () => {}): Inotify {
  const inotify = new Inotify(callback);
  t.after(() => inotify.close());
  return inotify;
}

/** `until` waits for an event and returns all events up to it, so that no unexpected event is missed. */
function recorded(t: TestContext, place: WatchPlace, watch_for: number) {
  const events: InotifyEvent[] = [];
  let wake = () => {};
  const inotify = instanceFor(t, (event) => {
    events.push(event);
    wake();
  });
  const watch = inotify.addWatch({ ...place, watch_for });
  const until = async (last: (event: InotifyEvent) => boolean): Promise<InotifyEvent[]> => {
    for (;;) {
      const at = events.findIndex(last);
      if (at >= 0) return events.splice(0, at + 1);
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  return { inotify, watch, until };
}

test('a write and its close are delivered in order, by text path, by bytes and by descriptor', async (t) => {
  const path = directoryFor(t);
  const sub = join(path, 'dé');
  fs.mkdirSync(sub);
  const places: WatchPlace[] = [{ path: sub }, { pathBytes: nameOfText(sub) }, { directoryFd: openPath(sub) }];
  for (const [at, place] of places.entries()) {
    const { watch, until } = recorded(t, place, IN_CREATE | IN_MODIFY | IN_CLOSE_WRITE | IN_ONLYDIR | IN_DONT_FOLLOW);
    fs.writeFileSync(join(sub, `f${at}`), 'x');
    const name = `f${at}`;
    assert.deepEqual(await until(({ mask }) => mask === IN_CLOSE_WRITE), [
      { watch, mask: IN_CREATE, cookie: 0, name },
      { watch, mask: IN_MODIFY, cookie: 0, name },
      { watch, mask: IN_CLOSE_WRITE, cookie: 0, name },
    ]);
  }
});

test('the two halves of a rename carry one cookie', async (t) => {
  const path = directoryFor(t);
  fs.writeFileSync(join(path, 'a.tmp'), '');
  const { until } = recorded(t, { path }, IN_MOVE);
  fs.renameSync(join(path, 'a.tmp'), join(path, 'a.csv'));
  const [from, to] = await until(({ mask }) => mask === IN_MOVED_TO);
  assert.deepEqual([from!.mask, from!.name, to!.name], [IN_MOVED_FROM, 'a.tmp', 'a.csv']);
  assert.equal(from!.cookie, to!.cookie);
  assert.notEqual(from!.cookie, 0);
});

test('names come as the bytes that they are, 255 of them too', async (t) => {
  const path = directoryFor(t);
  const { until } = recorded(t, { path }, IN_CREATE);
  for (const raw of [
    Buffer.alloc(255, 0xfe),
    Buffer.from([0xc3, 0x28, 0x0a]),
    Buffer.from('ü🐘'),
    Buffer.from('x'.repeat(16)),
  ]) {
    fs.writeFileSync(Buffer.concat([Buffer.from(`${path}/`), raw]), '');
    const [event] = await until(() => true);
    assert.equal(event!.name, nameOfBytes(raw));
  }
});

test('the removal of a watched directory is delivered without a name, and the watch is forgotten', async (t) => {
  const path = join(directoryFor(t), 'd');
  fs.mkdirSync(path);
  const { inotify, watch, until } = recorded(t, { path }, IN_DELETE_SELF);
  fs.rmdirSync(path);
  const events = await until(({ mask }) => (mask & IN_IGNORED) !== 0);
  assert.deepEqual(events[0], { watch, mask: IN_DELETE_SELF, cookie: 0 });
  assert.equal(inotify.removeWatch(watch), false);
});

test('a path watched again keeps its descriptor, and the newest mask counts', async (t) => {
  const path = directoryFor(t);
  const { inotify, watch, until } = recorded(t, { path }, IN_ATTRIB);
  assert.equal(inotify.addWatch({ path, watch_for: IN_ATTRIB | IN_CREATE }), watch);
  fs.writeFileSync(join(path, 'x'), '');
  await until(({ mask }) => mask === IN_CREATE);
});

test('one callback serves all watches, in the order of the events; each can be removed', (t) => {
  const path = directoryFor(t);
  for (const each of ['a', 'b']) fs.mkdirSync(join(path, each));
  const told: number[] = [];
  const inotify = instanceFor(t, ({ watch }) => told.push(watch));
  const watchOf = (name: string) => inotify.addWatch({ path: join(path, name), watch_for: IN_CREATE });
  const [a, b] = [watchOf('a'), watchOf('b')];
  for (const each of ['b', 'a']) fs.mkdirSync(join(path, each, 'new'));
  inotify.drain();
  assert.deepEqual(told, [b, a]);

  assert.equal(inotify.removeWatch(a), true);
  assert.equal(inotify.removeWatch(a), false);
  fs.mkdirSync(join(path, 'a/later'));
  fs.mkdirSync(join(path, 'b/later'));
  inotify.drain();
  assert.deepEqual(told, [b, a, a, b], 'the third says that the watch is gone');
});

test('a path that cannot be watched is a typed error with the path', (t) => {
  const path = directoryFor(t);
  fs.writeFileSync(join(path, 'file'), '');
  const inotify = instanceFor(t);
  const add = (each: string) => inotify.addWatch({ path: join(path, each), watch_for: IN_ALL_EVENTS | IN_ONLYDIR });
  assert.throws(() => add('none'), {
    name: 'LinuxError',
    code: 'ENOENT',
    call: 'inotify_add_watch',
    path: join(path, 'none'),
  });
  assert.throws(() => add('file'), { code: 'ENOTDIR' });
});
