/** Names for files where others write, and moves of our own: with and without RENAME_NOREPLACE, with and without links. */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { assertSucceeded, directoryFor, runNode } from '../linux/support.js';
import { ordinaryUser, skipUnlessReachable, skipUnlessRoot } from '../world/users.js';
import { withoutNoReplace } from '../world/without-noreplace.js';

const MODULE = new URL('../../src/files/moves.js', import.meta.url).href;
const PRELUDE = `const moves = await import(${JSON.stringify(MODULE)});
  const dir = linux.openDirectory(linux.AT_FDCWD, linux.nameOfText(args[0]));
  const at = (name) => ({ dir, name: linux.nameOfText(name) });
  const tried = (act) => { try { return act() ?? 'done'; } catch (e) { return e.code ?? e.message; } };
  const say = (...told) => process.stdout.write(JSON.stringify(told));`;

interface Ground {
  path: string;
  /** Runs a source in a process whose filesystems know no RENAME_NOREPLACE, unless `env` is `{}`. */
  run(source: string, env?: NodeJS.ProcessEnv, through?: string[]): Promise<unknown[]>;
}

function groundOf(t: TestContext): Ground | undefined {
  const [path, tools] = [directoryFor(t), directoryFor(t)];
  for (const folder of [path, tools]) chmodSync(folder, 0o755);
  const library = withoutNoReplace(tools);
  if (library === undefined) {
    t.skip('no gcc: a filesystem without RENAME_NOREPLACE was not tested');
    return undefined;
  }
  const run: Ground['run'] = async (source, env = { LD_PRELOAD: library }, through = []) => {
    const result = await runNode(t, PRELUDE + source, {
      args: [path],
      env: { LD_PRELOAD: library, ...env },
      ...(through.length > 0 && { through }),
    });
    assertSucceeded(result);
    return JSON.parse(result.stdout) as unknown[];
  };
  return { path, run };
}

test('a file gets its name by a link, and what has a name stays there', async (t) => {
  const ground = groundOf(t);
  if (!ground) return;
  const { path, run } = ground;
  for (const name of ['ours', 'second']) writeFileSync(join(path, name), name);
  const { ino } = statSync(join(path, 'ours'));
  const told = await run(`say(
    moves.deliver(at('ours'), at('target')),
    moves.deliver(at('second'), at('target')),
    moves.deliverCopy(at('second'), at('target')),
    tried(() => moves.moveOwn(at('second'), at('target'))),
    tried(() => moves.moveOwn(at('second'), at('moved'))),
    tried(() => moves.deliver(at('none'), at('x'))));`);
  assert.deepEqual(told, ['renamed', 'exists', 'exists', 'EEXIST', 'done', 'ENOENT']);
  assert.deepEqual(readdirSync(path).sort(), ['moved', 'target']);
  const { ino: now, nlink } = statSync(join(path, 'target'));
  assert.deepEqual({ now, nlink }, { now: ino, nlink: 1 });
  assert.equal(readFileSync(join(path, 'target'), 'utf8'), 'ours');
});

test('a file at both names was delivered before a crash: our own name goes, whatever a reader did since', async (t) => {
  const ground = groundOf(t);
  if (!ground) return;
  const { path, run } = ground;
  for (const env of [undefined, { LD_PRELOAD: '' }]) {
    writeFileSync(join(path, 'ours'), 'ours');
    const told = await run(
      `fs.linkSync(args[0] + '/ours', args[0] + '/target');
       fs.appendFileSync(args[0] + '/target', ' and theirs');
       say(moves.deliver(at('ours'), at('target')), moves.wasDelivered(at('ours'), at('target')));`,
      env,
    );
    assert.deepEqual(told, ['renamed', false]);
    assert.equal(existsSync(join(path, 'ours')), false);
    assert.equal(readFileSync(join(path, 'target'), 'utf8'), 'ours and theirs');
    await run(`fs.unlinkSync(args[0] + '/target'); say();`);
  }
});

test("an ordinary user may not link an uploader's file: only a copy can get the name, and a move of our own does", async (t) => {
  const notTested = 'files of an uploader that may not be linked';
  if (skipUnlessRoot(t, notTested) || skipUnlessReachable(t, ordinaryUser, notTested)) return;
  if (readFileSync('/proc/sys/fs/protected_hardlinks', 'utf8').trim() !== '1')
    return t.skip(`fs.protected_hardlinks is off: ${notTested} was not tested`);
  const ground = groundOf(t);
  if (!ground) return;
  const { path, run } = ground;
  mkdirSync(join(path, 'open'));
  chmodSync(join(path, 'open'), 0o777);
  writeFileSync(join(path, 'open', 'theirs'), 'of root');
  const { uid, gid } = ordinaryUser;
  const through = ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups'];
  const told = await run(
    `say(moves.deliver(at('open/theirs'), at('open/target')), tried(() => moves.moveOwn(at('open/theirs'), at('open/own'))));`,
    undefined,
    through,
  );
  assert.deepEqual(told, ['across', 'done']);
  assert.deepEqual(readdirSync(join(path, 'open')), ['own']);
});

test('a filesystem with neither is named, with its type and with what it lacks; a name that it refuses is not', async (t) => {
  const ground = groundOf(t);
  if (!ground) return;
  const { path, run } = ground;
  writeFileSync(join(path, 'ours'), '');
  const [neither] = await run(`say(tried(() => moves.deliverCopy(at('ours'), at('target'))));`, { WITHOUT_LINKS: '1' });
  assert.match(
    String(neither),
    /^is on a filesystem \(\w[\w.]*, .+\) that has neither a rename that overwrites nothing \(RENAME_NOREPLACE: EINVAL\) nor hard links \(link: EPERM\)/,
  );
  const [tooLong] = await run(`say(tried(() => moves.deliverCopy(at('ours'), at('x'.repeat(256)))));`);
  assert.equal(tooLong, 'ENAMETOOLONG');
  assert.deepEqual(readdirSync(path), ['ours'], 'nothing is left of the questions');
});
