/**
 * Another directory, or an empty one, is at SOURCE's path: no command deletes the copy because of that, on any real
 * filesystem.
 */
import assert from 'node:assert/strict';
import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { canMake, imageMount, loopMount, release, tmpfsMount, unmount } from '../world/mounts.js';
import { Program } from '../world/program.js';
import { isRoot } from '../world/users.js';
import { DEADLINE_MS, until } from '../world/waiting.js';

const needsMounts = isRoot ? false : 'not root: no filesystem was mounted in the place of another one';

interface Ground {
  name: string;
  /** Makes SOURCE. */
  lay(source: string): void;
  /** Replaces it by an empty one. */
  blank(source: string): void;
  skip: string | false;
}

/** On a filesystem that others use, another file may have got the inode number. */
const TRIED_MS = 2_000;

const madeAnew = (source: string, triedMs = TRIED_MS): void => {
  const { ino } = statSync(source);
  // ext4 gives the lowest free inode number. The old one is free when a mirror that scans has closed it; until then this tries again.
  const endMs = performance.now() + triedMs;
  do {
    rmSync(source, { recursive: true });
    mkdirSync(source);
    if (statSync(source).ino === ino) return;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
  } while (performance.now() < endMs);
};

const mountedAnew = (source: string, mount: (path: string) => unknown): void => {
  unmount(source);
  mount(source);
};

const GROUNDS: Ground[] = [
  {
    name: 'removed and made again on ext4, which gives the inode again',
    lay: (source) => {
      loopMount(dirname(source));
      mkdirSync(source);
    },
    blank: (source) => {
      const { ino } = statSync(source);
      madeAnew(source, DEADLINE_MS);
      assert.equal(statSync(source).ino, ino, 'the inode did not come back: this shows nothing');
    },
    skip: needsMounts,
  },
  {
    name: 'removed and made again where temporary files lie',
    lay: (source) => mkdirSync(source),
    blank: (source) => madeAnew(source),
    skip: false,
  },
  {
    name: 'a blank tmpfs over it',
    lay: (source) => mkdirSync(source),
    blank: (source) => tmpfsMount(source),
    skip: needsMounts,
  },
  {
    name: 'a blank tmpfs for a tmpfs',
    lay: (source) => tmpfsMount(source),
    blank: (source) => mountedAnew(source, tmpfsMount),
    skip: needsMounts,
  },
  {
    name: 'a fresh ext4 for an ext4',
    lay: (source) => loopMount(source),
    blank: (source) => {
      mountedAnew(source, loopMount);
      assert.deepEqual(readdirSync(source), ['lost+found']);
    },
    skip: needsMounts,
  },
];

interface Folders {
  source: string;
  dest: string;
}

function folders(t: TestContext): Folders {
  const root = mkdtempSync(join(tmpdir(), 'replicate-source-'));
  t.after(() => {
    release(root);
    rmSync(root, { recursive: true, force: true });
  });
  const [source, dest] = [join(root, 'disk/source'), join(root, 'dest')];
  mkdirSync(dest);
  mkdirSync(dirname(source));
  return { source, dest };
}

/** SOURCE as `lay` makes it, with a file in it. */
function laid(t: TestContext, lay: (source: string) => unknown = (source) => mkdirSync(source)): Folders {
  const places = folders(t);
  lay(places.source);
  writeFileSync(join(places.source, 'a'), 'kept');
  return places;
}

/** The same, with a mirror of it. */
async function mirrored(t: TestContext, lay: (source: string) => unknown): Promise<Folders> {
  const places = laid(t, lay);
  assert.equal((await run(places, '--once')).code, 0);
  return places;
}

/** A mirror that does not end by itself is stopped after five minutes, with another exit code. */
const run = ({ source, dest }: Folders, ...args: string[]) =>
  new Program('ingest-replicate', [source, dest, ...args], undefined, { wrap: ['timeout', '300'] }).ended;

async function follow(t: TestContext, { source, dest }: Folders, ...args: string[]): Promise<Program> {
  const mirror = new Program('ingest-replicate', [source, dest, '--scan-interval-seconds', '0.2', ...args]);
  t.after(() => mirror.kill());
  await heard(mirror, 'replica_scan_done');
  return mirror;
}

const heard = (mirror: Program, event: string) =>
  until(`the event ${event}`, () => mirror.events.find((one) => one.event === event));

/** Refused in each way to start it; the message names the next step. */
async function refusedEachWay(places: Folders, says: RegExp): Promise<void> {
  const refused = async (...args: string[]) => {
    const { code, stdout, stderr } = await run(places, ...args);
    assert.equal(code, 3, `${args}: ${stdout}${stderr}`);
    assert.match(stderr, says);
    assert.doesNotMatch(stdout, /remove/);
  };
  await Promise.all([refused('--once'), refused('--dry-run'), refused()]);
  assert.equal(readFileSync(join(places.dest, 'a'), 'utf8'), 'kept');
}

for (const { name, lay, blank, skip } of GROUNDS) {
  test(`an empty SOURCE, ${name}: refused at a start, until both options say so`, { skip }, async (t) => {
    const places = await mirrored(t, lay);
    blank(places.source);
    await refusedEachWay(places, /--adopt --allow-empty-source/);
    assert.equal((await run(places, '--once', '--allow-empty-source')).code, 3, 'it is still another directory');
    assert.equal((await run(places, '--once', '--adopt')).code, 3, 'it is still empty');
    assert(existsSync(join(places.dest, 'a')));
    assert.equal((await run(places, '--once', '--adopt', '--allow-empty-source')).code, 0);
    assert(!existsSync(join(places.dest, 'a')));
    assert.equal((await run(places, '--once')).code, 0, 'both are empty: there is nothing to refuse');
  });

  test(`an empty SOURCE, ${name}: a running mirror waits`, { skip }, async (t) => {
    const places = laid(t, lay);
    const mirror = await follow(t, places);
    assert(existsSync(join(places.dest, 'a')));
    blank(places.source);
    await heard(mirror, 'source_missing');
    assert.equal((await mirror.stop()).code, 0);
    assert.equal(readFileSync(join(places.dest, 'a'), 'utf8'), 'kept');
  });
}

test('another SOURCE with content is refused until --adopt says so', async (t) => {
  const places = laid(t);
  const mirror = await follow(t, places);
  rmSync(places.source, { recursive: true });
  mkdirSync(places.source);
  writeFileSync(join(places.source, 'b'), 'new');
  await heard(mirror, 'source_missing');
  await mirror.stop();
  await refusedEachWay(places, /--adopt once/);
  assert.equal((await run(places, '--once', '--adopt')).code, 0);
  assert.deepEqual(readdirSync(places.dest).sort(), ['.ingest-replicate', 'b']);
  assert.equal((await run(places, '--once')).code, 0);
});

test('a fresh ext4 with other content in the place of an ext4 is refused', { skip: needsMounts }, async (t) => {
  const places = await mirrored(t, loopMount);
  mountedAnew(places.source, loopMount);
  writeFileSync(join(places.source, 'b'), 'new');
  await refusedEachWay(places, /--adopt once/);
});

for (const type of ['ext4', 'xfs'] as const) {
  const skip =
    needsMounts || (canMake(type) ? false : `no mkfs.${type}: a filesystem of that kind was not mounted again`);
  test(`a SOURCE on ${type} is the same one when it was mounted again`, { skip }, async (t) => {
    const places = await mirrored(t, (source) => loopMount(source, { type }));
    const image = `${places.dest}.img`;
    linkSync(`${places.source}.img`, image);
    unmount(places.source);
    // The mount gets another device number: the loop device is kept busy meanwhile.
    loopMount(join(dirname(places.source), 'other'));
    imageMount(places.source, image);
    writeFileSync(join(places.source, 'b'), 'next');
    const { code, stderr } = await run(places, '--once');
    assert.equal(code, 0, stderr);
    assert.deepEqual(readdirSync(places.dest).sort(), ['.ingest-replicate', 'a', 'b']);
  });
}

test('a blank filesystem in the place of one that was mounted below SOURCE deletes nothing', {
  skip: needsMounts,
}, async (t) => {
  const places = folders(t);
  const sub = join(places.source, 'sub');
  mkdirSync(sub, { recursive: true });
  tmpfsMount(sub);
  writeFileSync(join(sub, 'a'), 'kept');
  assert.equal((await run(places, '--once')).code, 0);
  mountedAnew(sub, tmpfsMount);
  // As in a fresh ext4.
  mkdirSync(join(sub, 'lost+found'));
  const { code, stderr } = await run(places, '--once');
  assert.equal(code, 4, stderr);
  assert.match(stderr, /sub\/a is not mirrored \(mount_missing\)/);
  assert.equal(readFileSync(join(places.dest, 'sub/a'), 'utf8'), 'kept');
  assert.equal((await run(places, '--once', '--allow-empty-source')).code, 0);
  assert(!existsSync(join(places.dest, 'sub/a')));
});

test('the same SOURCE with nothing left in it deletes nothing without --allow-empty-source', async (t) => {
  const places = laid(t);
  const mirror = await follow(t, places);
  rmSync(join(places.source, 'a'));
  await heard(mirror, 'source_missing');
  await mirror.stop();
  // Names of the filesystem or of another mirror are not content, and neither are excluded names.
  mkdirSync(join(places.source, 'lost+found'));
  await refusedEachWay(places, /--allow-empty-source/);
  assert.equal((await run(places, '--once', '--no-delete')).code, 0, 'nothing would be deleted');
  writeFileSync(join(places.source, 'x.tmp'), 'left out');
  assert.equal((await run(places, '--once', '--exclude', '*.tmp')).code, 3);
  rmSync(join(places.source, 'x.tmp'));
  assert.equal((await run(places, '--once', '--allow-empty-source')).code, 0);
  assert.deepEqual(readdirSync(places.dest), ['.ingest-replicate']);
});

test('a running mirror goes on when its emptied SOURCE has something again, or may be empty by an option', async (t) => {
  const places = laid(t);
  const mirror = await follow(t, places);
  rmSync(join(places.source, 'a'));
  await heard(mirror, 'source_missing');
  writeFileSync(join(places.source, 'b'), 'next');
  await heard(mirror, 'source_back');
  const inDest = () => readdirSync(places.dest).sort().join();
  await until('DEST is like it', () => inDest() === '.ingest-replicate,b');
  await mirror.stop();
  await follow(t, places, '--allow-empty-source');
  rmSync(join(places.source, 'b'));
  await until('DEST is empty', () => inDest() === '.ingest-replicate');
});
