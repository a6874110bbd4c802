/** The mirror as others import it: the built library, its options, its errors, its logger. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { MirrorOptions, PlannedAct } from '../../src/mirror/trees/types.js';
import { PACKAGE } from '../world/program.js';
import { until } from '../world/waiting.js';
import { assertAlike, difference } from './mirror-world.js';

type Library = typeof import('../../src/mirror/library/index.js');
const { MirrorError, planReplica, replicate }: Library = await import(join(PACKAGE, 'dist/mirror.js'));

function folders(t: TestContext) {
  const root = mkdtempSync(join(tmpdir(), 'mirror-library-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  const [source, dest] = [join(root, 'source'), join(root, 'dest')];
  for (const path of [source, dest]) mkdirSync(path);
  return { root, source, dest };
}

/** The code of a refusal; its message is a sentence. */
async function refused(act: Promise<unknown>): Promise<{ code: string; message: string }> {
  const error = await act.then(
    () => assert.fail('it was not refused'),
    (reason: unknown) => reason,
  );
  assert(error instanceof MirrorError, String((error as Error).stack));
  assert.match(error.message, /^.{30,}$/s);
  return error;
}

test('follows a directory until it is stopped, logs its events, and resolves with what it did', async (t) => {
  const { source, dest } = folders(t);
  writeFileSync(join(source, 'a'), '1');
  const lines: { fields: { event?: string }; message: string }[] = [];
  const log = (fields: object, message: string) => void lines.push({ fields, message });
  const mirror = await replicate({ source, dest, logger: { debug: log, info: log, warn: log, error: log } });
  await until('the first scan', () => mirror.status().totals.scans > 0);
  writeFileSync(join(source, 'b'), '22');
  renameSync(join(source, 'a'), join(source, 'c'));
  await until('DEST to be alike', () => difference(source, dest) === undefined && mirror.status().behind === 0);
  const result = await mirror.stop();
  assert.deepEqual(await mirror.stop(), result);
  assert.deepEqual([result.unmirrored, result.unmirroredCount], [[], 0]);
  assert.ok(result.totals.copied >= 2, JSON.stringify(result.totals));
  const scan = lines.find(({ fields }) => fields.event === 'replica_scan_done');
  assert.match(scan!.message, /1 copied/);
});

test('once: ends alike, and names what it could not mirror, with its bytes', async (t) => {
  const { source, dest } = folders(t);
  const odd = Buffer.from([0x6f, 0xff]);
  mkdirSync(join(dest, 'kept'));
  writeFileSync(join(dest, 'kept/inside'), 'x');
  writeFileSync(join(source, 'kept'), 'x');
  writeFileSync(Buffer.concat([Buffer.from(`${source}/`), odd]), 'odd');
  const acts: PlannedAct[] = [];
  const options: MirrorOptions = { source, dest, once: true, adopt: true, delete: false };
  await planReplica(options, (act) => void acts.push(act));
  assert.deepEqual(readdirSync(dest), ['kept'], 'a plan changes nothing');
  assert.deepEqual(acts.find(({ act }) => act === 'copy')?.pathBytes, odd);
  const { totals, unmirrored } = await (await replicate(options)).done;
  assert.equal(totals.copied, 1);
  assert.deepEqual(unmirrored, [{ path: 'kept', pathBytes: Buffer.from('kept'), code: 'kept' }]);
  const copied = readdirSync(dest, { encoding: 'buffer' }).find((name) => name.equals(odd));
  assert.equal(readFileSync(Buffer.concat([Buffer.from(`${dest}/`), copied!]), 'utf8'), 'odd');
});

test('the abort of its signal stops it, also one that came before', async (t) => {
  const { source, dest } = folders(t);
  const controller = new AbortController();
  const mirror = await replicate({ source, dest, signal: controller.signal });
  controller.abort();
  await mirror.done;
  await (await replicate({ source, dest, signal: controller.signal })).done;
});

test('status says what it waits for while source or dest is away, also if nothing changes', async (t) => {
  const { root, source, dest } = folders(t); // with a file, copies would be checked again for some seconds
  const reasons: unknown[] = [];
  const log = (fields: object) => void ('reason' in fields && reasons.push(fields.reason));
  const mirror = await replicate({ source, dest, logger: { debug: log, info: log, warn: log, error: log } });
  t.after(() => mirror.stop());
  await until('the first scan', () => mirror.status().totals.scans > 0);
  assert.equal(mirror.status().waiting, undefined);
  for (const [path, code] of [
    [source, 'source_missing'],
    [dest, 'dest_missing'],
  ] as const) {
    renameSync(path, join(root, 'away'));
    await until(code, () => mirror.status().waiting === code);
    renameSync(join(root, 'away'), path);
    await until(`no ${code}`, () => mirror.status().waiting === undefined);
  }
  renameSync(source, join(root, 'away'));
  mkdirSync(source);
  writeFileSync(join(source, 'other'), 'x');
  await until('source_replaced', () => mirror.status().waiting === 'source_replaced');
  assert.match(String(reasons.at(-1)), /adopt: true/);
  assert.doesNotMatch(reasons.join(), /--/);
  rmSync(source, { recursive: true });
  renameSync(join(root, 'away'), source);
  await until('the former source', () => mirror.status().waiting === undefined);
  assertAlike(source, dest);
});

test('a source that is gone is to be made only if dest is no mirror of it', async (t) => {
  const { root, source, dest } = folders(t);
  const never = await refused(replicate({ source: join(root, 'none'), dest }));
  assert.deepEqual([never.code, /mkdir -p/.test(never.message)], ['directory_missing', true]);
  writeFileSync(join(source, 'a'), '1');
  await (await replicate({ source, dest, once: true })).done;
  renameSync(source, join(root, 'away'));
  for (const act of [replicate({ source, dest, adopt: true }), planReplica({ source, dest }, () => {})]) {
    const gone = await refused(act);
    assert.deepEqual([gone.code, /mkdir/.test(gone.message)], ['source_missing', false]);
    assert.match(gone.message, /mount or restore it/);
  }
  assert.equal((await refused(replicate({ source: join(root, 'none'), dest }))).code, 'directory_missing');
});

test('a refusal is a sentence that names the option, not the flag of the command', async (t) => {
  const { root, source, dest } = folders(t);
  writeFileSync(join(dest, 'mine'), '1');
  const foreign = await refused(replicate({ source, dest }));
  assert.equal(foreign.code, 'dest_not_ours');
  assert.match(foreign.message, /adopt: true/);
  assert.doesNotMatch(foreign.message, /--/);
  assert.equal((await refused(replicate({ source: join(root, 'none'), dest }))).code, 'directory_missing');
  assert.equal((await refused(planReplica({ source, dest: source }, () => {}))).code, 'folders_overlap');
  const wrong: [object, string][] = [
    [{ sourc: source }, 'unknown_option'],
    [{ source }, 'missing_option'],
    [{ source, dest, delete: 'yes' }, 'bad_value'],
    [{ source, dest, scanEveryMs: 0 }, 'bad_value'],
    [{ source, dest, exclude: ['/x'] }, 'bad_value'],
    [{ source, dest, logger: { info() {} } }, 'bad_value'],
    [{ source, dest, signal: {} }, 'bad_value'],
  ];
  for (const [options, code] of wrong)
    assert.equal((await refused(replicate(options as MirrorOptions))).code, code, JSON.stringify(options));
  assert.deepEqual(readdirSync(dest), ['mine']);
  await (await replicate({ source, dest, adopt: true, allowEmptySource: true, once: true })).done;
  assertAlike(source, dest);
});
