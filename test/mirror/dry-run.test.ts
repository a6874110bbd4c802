/**
 * --dry-run reports exactly what --once then does: random trees on both sides, random flags. SEED= and ROUNDS= as
 * printed.
 */
import assert from 'node:assert/strict';
import { chmodSync, chownSync, lchownSync, lutimesSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { dice } from '../crash/dice.js';
import { type Found, tree } from '../world/tree.js';
import { isRoot } from '../world/users.js';
import { commandWorld } from './by-command.js';
import { assertAlike } from './mirror-world.js';
import { changeAtRandom, growAtRandom } from './random-tree.js';

const seed = process.env.SEED ?? String(process.pid);
const rounds = Number(process.env.ROUNDS ?? 4);

/** The attributes that the mirror preserves, by path. */
const snapshot = (directory: string): Map<string, Found> =>
  new Map(
    tree(directory)
      .filter(({ path }) => !path.startsWith('.ingest-replicate'))
      .map((found) => [found.path, found]),
  );

const below = (paths: Iterable<string>, path: string): string[] => [...paths].filter((at) => at.startsWith(`${path}/`));

/** `act path` of each line; entries that are removed with their directory are listed too. */
function said(stdout: string, before: ReadonlyMap<string, Found>): string[] {
  const acts = new Set<string>();
  for (const line of stdout.trimEnd().split('\n').slice(0, -1)) {
    const [, act, path, why] = /^(\w+) +(\S+) {2}\((.*)\)$/.exec(line) ?? assert.fail(line);
    acts.add(`${act} ${path}`);
    const goesWhole = why === 'with all below it' || (act === 'replace' && before.get(path!)?.kind === 'directory');
    if (goesWhole) for (const at of below(before.keys(), path!)) acts.add(`remove ${at}`);
  }
  return [...acts].sort();
}

const attributes = ({ kind, mode, uid, gid, mtimeNs }: Found): string =>
  `${kind === 'symlink' ? '' : mode} ${uid} ${gid} ${mtimeNs}`;

/** The acts that were done, from DEST before and after and the tree of SOURCE. A copy has another inode. */
function done(
  before: ReadonlyMap<string, Found>,
  after: ReadonlyMap<string, Found>,
  ofSource: ReadonlyMap<string, Found>,
) {
  const acts: string[] = [];
  const madeBy = { directory: 'make', file: 'copy', symlink: 'link', other: 'never' };
  for (const path of new Set([...before.keys(), ...after.keys()])) {
    const [was, is] = [before.get(path), after.get(path)];
    if (!is) acts.push(`remove ${path}`);
    else if (!was) acts.push(`${madeBy[is.kind]} ${path}`);
    else if (was.kind !== is.kind) acts.push(`replace ${path}`, `${madeBy[is.kind]} ${path}`);
    else if (was.kind !== 'directory' && was.ino !== is.ino) acts.push(`${madeBy[is.kind]} ${path}`);
    // Entries in a directory that is none in SOURCE may be removed, which changes its mtime.
    else if (attributes(was) !== attributes(is) && ofSource.get(path)?.kind === is.kind)
      acts.push(`attributes ${path}`);
  }
  return acts.sort();
}

test(`--dry-run reports what --once does, ${rounds} times`, async (t) => {
  t.diagnostic(`SEED=${seed} ROUNDS=${rounds}`);
  for (let round = 0; round < rounds; round++) {
    const draw = dice(`${seed} ${round}`);
    const { root, source, dest, run } = commandWorld(t);
    growAtRandom(source, draw);
    const first = await run('--once');
    assert(first.code === 0 || first.code === 4, first.stderr);
    changeAtRandom(source, draw, { special: true });
    changeAtRandom(dest, draw, { special: false });
    const flags = [['--checksum'], ['--no-delete'], ['--exclude', 'b*'], ['--include', 'a*'], ['--adopt']]
      .filter(() => draw(3) === 0)
      .flat();
    const what = `SEED=${seed} round ${round} ${root} ${flags}`;
    const before = snapshot(dest);
    const dry = await run('--dry-run', ...flags);
    assert.deepEqual(snapshot(dest), before, `${what}: a dry run changes nothing`);
    const once = await run('--once', ...flags);
    assert.equal(dry.code, once.code, `${what}: ${dry.stderr}${once.stderr}`);
    const named = said(dry.stdout, before);
    const isAct = (line: string) => !/^(fail|leave) /.test(line);
    assert.deepEqual(named.filter(isAct), done(before, snapshot(dest), snapshot(source)), what);
    const failed = once.stderr.matchAll(/"text":"ingest-replicate: (\S+) is not mirrored/g);
    assert.deepEqual(
      named.filter((line) => line.startsWith('fail')),
      [...failed].map(([, path]) => `fail ${path}`).sort(),
    );
    const again = said((await run('--dry-run', ...flags)).stdout, before);
    assert.deepEqual(again.filter(isAct), [], `${what}: nothing is left to do`);
  }
});

for (const flags of [[], ['--no-delete'], ['--checksum']]) {
  test(`attributes that differ alone are said until they were set, with ${flags[0] ?? 'no flag'}`, async (t) => {
    const { source, dest, run } = commandWorld(t);
    const at = (name: string) => join(source, name);
    for (const name of ['same', 'mode', 'owner', 'time']) writeFileSync(at(name), name);
    for (const name of ['link', 'linkOwner', 'linkTime']) symlinkSync('nowhere', at(name));
    assert.equal((await run('--once')).code, 0);
    const before = snapshot(dest);
    chmodSync(at('mode'), 0o4751);
    if (isRoot) {
      chownSync(at('owner'), 1_234, 2_345);
      lchownSync(at('linkOwner'), 1_234, 2_345);
    }
    for (const name of ['time', 'linkTime']) lutimesSync(at(name), 1_000_000_000, 1_000_000_000);
    const dryRun = async () => said((await run('--dry-run', ...flags)).stdout, before);
    // Without --checksum, another mtime means that the content may differ.
    const time = flags.includes('--checksum') ? 'attributes time' : 'copy time';
    const owners = isRoot ? ['attributes owner', 'attributes linkOwner'] : [];
    assert.deepEqual(await dryRun(), ['attributes mode', 'attributes linkTime', time, ...owners].sort());
    assert.deepEqual(snapshot(dest), before, 'a dry run changes nothing');
    assert.equal((await run('--once', ...flags)).code, 0);
    assertAlike(source, dest);
    assert.deepEqual(await dryRun(), []);
  });
}
