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
  IN_ISDIR,
  IN_MODIFY,
  IN_MOVE,
  IN_MOVED_FROM,
  IN_MOVED_TO,
  IN_ONLYDIR,
  Inotify,
  type InotifyEvent,
  nameOfBytes,
  nameOfText,
  type Watch,
  type WatchPlace,
} from '../../src/linux/index.js';
import { directoryFor, openPath } from './support.js';

function instanceFor(t: TestContext): Inotify {
  const inotify = new Inotify();
  t.after(() => inotify.close());
  return inotify;
}

/** `until` waits for an event and returns all events up to it, so that no unexpected event is missed. */
function recorded(inotify: Inotify, place: WatchPlace, watch_for: number) {
  const events: InotifyEvent[] = [];
  let wake = () => {};
  const callback = (event: InotifyEvent) => {
    events.push(event);
    wake();
  };
  const watch = inotify.addWatch({ ...place, watch_for, callback } as Watch);
  const until = async (last: (event: InotifyEvent) => boolean): Promise<InotifyEvent[]> => {
    for (;;) {
      const at = events.findIndex(last);
      if (at >= 0) return events.splice(0, at + 1);
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  return { watch, until };
}

test('a write and its close are delivered in order, by text path, by bytes and by descriptor', async (t) => {
  const path = directoryFor(t);
  const sub = join(path, 'dé');
  fs.mkdirSync(sub);
  const places: WatchPlace[] = [{ path: sub }, { pathBytes: nameOfText(sub) }, { directoryFd: openPath(sub) }];
  for (const [at, place] of places.entries()) {
    const inotify = instanceFor(t);
    const { watch, until } = recorded(
      inotify,
      place,
      IN_CREATE | IN_MODIFY | IN_CLOSE_WRITE | IN_ONLYDIR | IN_DONT_FOLLOW,
    );
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
  const { until } = recorded(instanceFor(t), { path }, IN_MOVE);
  fs.renameSync(join(path, 'a.tmp'), join(path, 'a.csv'));
  const [from, to] = await until(({ mask }) => mask === IN_MOVED_TO);
  assert.deepEqual([from!.mask, from!.name, to!.name], [IN_MOVED_FROM, 'a.tmp', 'a.csv']);
  assert.equal(from!.cookie, to!.cookie);
  assert.notEqual(from!.cookie, 0);
});

test('names come as the bytes that they are, 255 of them too', async (t) => {
  const path = directoryFor(t);
  const { until } = recorded(instanceFor(t), { path }, IN_CREATE);
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
  const inotify = instanceFor(t);
  const { watch, until } = recorded(inotify, { path }, IN_DELETE_SELF);
  fs.rmdirSync(path);
  const events = await until(({ mask }) => (mask & IN_IGNORED) !== 0);
  assert.deepEqual(events[0], { watch, mask: IN_DELETE_SELF, cookie: 0 });
  assert.equal(inotify.removeWatch(watch), false);
});

test('a removed watch is silent at once, and the others go on', async (t) => {
  const path = directoryFor(t);
  for (const each of ['a', 'b']) fs.mkdirSync(join(path, each));
  const inotify = instanceFor(t);
  const first = inotify.addWatch({
    path: join(path, 'a'),
    watch_for: IN_CREATE,
    callback: () => assert.fail('an event after removal'),
  });
  const { until } = recorded(inotify, { path: join(path, 'b') }, IN_CREATE);
  fs.mkdirSync(join(path, 'a/under-way'));
  assert.equal(inotify.removeWatch(first), true);
  assert.equal(inotify.removeWatch(first), false);
  fs.mkdirSync(join(path, 'b/seen'));
  const [event] = await until(() => true);
  assert.equal(event!.mask, IN_CREATE + IN_ISDIR);
});

test('a path watched again keeps its descriptor, and the newest callback counts', async (t) => {
  const path = directoryFor(t);
  const inotify = instanceFor(t);
  const first = inotify.addWatch({
    path,
    watch_for: IN_CREATE,
    callback: () => assert.fail('the older callback was called'),
  });
  const { watch, until } = recorded(inotify, { path }, IN_ATTRIB | IN_CREATE);
  assert.equal(watch, first);
  fs.writeFileSync(join(path, 'x'), '');
  await until(({ mask }) => mask === IN_CREATE);
});

test('one callback serves all watches without their own; each can be removed', (t) => {
  const path = directoryFor(t);
  for (const each of ['a', 'b', 'own']) fs.mkdirSync(join(path, each));
  const told: number[] = [];
  const inotify = new Inotify({ onEvent: ({ watch }) => told.push(watch) });
  t.after(() => inotify.close());
  const own: number[] = [];
  const watchOf = (name: string) => inotify.addWatch({ path: join(path, name), watch_for: IN_CREATE });
  const [a, b] = [watchOf('a'), watchOf('b')];
  inotify.addWatch({ path: join(path, 'own'), watch_for: IN_CREATE, callback: ({ watch }) => own.push(watch) });
  for (const each of ['own', 'b', 'a']) fs.mkdirSync(join(path, each, 'new'));
  inotify.drain();
  assert.deepEqual(told, [b, a]);
  assert.equal(own.length, 1);

  assert.equal(inotify.removeWatch(a), true);
  assert.equal(inotify.removeWatch(a), false);
  fs.mkdirSync(join(path, 'a/later'));
  fs.mkdirSync(join(path, 'b/later'));
  inotify.drain();
  assert.deepEqual(told, [b, a, a, b], 'the third says that the watch is gone');
  assert.throws(() => instanceFor(t).addWatch({ path, watch_for: IN_CREATE }), /needs a callback/);
});

test('a path that cannot be watched is a typed error with the path', (t) => {
  const path = directoryFor(t);
  fs.writeFileSync(join(path, 'file'), '');
  const inotify = instanceFor(t);
  const add = (each: string) =>
    inotify.addWatch({ path: join(path, each), watch_for: IN_ALL_EVENTS | IN_ONLYDIR, callback() {} });
  assert.throws(() => add('none'), {
    name: 'LinuxError',
    code: 'ENOENT',
    call: 'inotify_add_watch',
    path: join(path, 'none'),
  });
  assert.throws(() => add('file'), { code: 'ENOTDIR' });
});

test('the constants are static members too, as in the package of that shape', () => {
  assert.equal(Inotify.IN_CLOSE_WRITE, 8);
  assert.equal(Inotify.IN_ALL_EVENTS, 0xfff);
  assert.equal(Inotify.IN_Q_OVERFLOW, 0x4000);
  assert.equal(Inotify.IN_ONESHOT, 0x80000000);
});
