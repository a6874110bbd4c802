/** Runs of an operator's verbs by real commands: a withdrawal whose correction cannot be written, a backup that comes back. */
import { mkdirSync, readFileSync, rmdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { backedUp, rebuild, restore } from '../world/lost.js';
import { until } from '../world/waiting.js';
import { type Found, inWorld, type RunParts, settleAndCompare } from './mutants-world.js';

const QUICK = { stabilitySeconds: 0, quietMs: 0 };
const PATIENT = { withinMs: 45_000, everyMs: 25 };
const WHY = ['--reason', 'by the harness'];

/** A folder has the name of the corrections file: the withdrawn file stays at its target until the correction is written. */
export const correctionsFail = ({ seed, env }: RunParts): Promise<Found[]> =>
  inWorld({ seed, options: QUICK }, async (world) => {
    const { sha256 } = world.drop('wrong.csv', 300);
    const before = await settleAndCompare(world, env);
    if (before.length > 0) return before;
    const obstacle = join(world.feed().manifests, dirname(world.manifest()[0]!.file), 'corrections.jsonl');
    mkdirSync(obstacle);
    world.withdrawn.add(sha256);
    await world.run('ingest-ctl', ['withdraw', sha256, ...WHY], { env });
    world.start('ingest', [], { env });
    const isOut = () => world.warehouse().length === 0;
    const hasTried = () => world.gates().length > 0 || world.jobs().some(({ attempts }) => attempts > 0);
    await until('the correction was tried', () => isOut() || hasTried(), PATIENT);
    await world.killAll();
    const early = isOut() ? [{ kind: 'line_without_file', what: 'it was taken out, and its line stands' }] : [];
    rmdirSync(obstacle);
    return [...early, ...(await settleAndCompare(world, env))];
  });

/** Contents that were stored after the backup come again: the restored state must not take them for new. */
export const restoredBackup = ({ seed, env }: RunParts): Promise<Found[]> =>
  inWorld({ seed, options: QUICK }, async (world) => {
    world.drop('before.csv', 300);
    const first = await settleAndCompare(world, env);
    const backup = backedUp(world);
    const later = world.drop('after.csv', 400);
    const content = readFileSync(join(world.input, 'after.csv'));
    const second = await settleAndCompare(world, env);
    if (first.length + second.length > 0) return [...first, ...second];
    restore(world, backup);
    const { code } = await world.run('ingest', ['--once'], { env });
    if (code === 3) await rebuild(world);
    world.drop('again.csv', content);
    const found: Found[] = await settleAndCompare(world, env);
    return code === 3 ? found : [{ kind: 'accepted', what: `${later.sha256} is in no row` }, ...found];
  });
