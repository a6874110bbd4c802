/** Runs that create one special moment: a writer that is still there, a taken name, a missing file, a stop. */
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { isWriteLocked } from '../world/database.js';
import { pause, resume } from '../world/hand.js';
import { workDirOf } from '../world/layout.js';
import { signal } from '../world/program.js';
import { stays, until } from '../world/waiting.js';
import type { World } from '../world/world.js';
import { type Found, inWorld, type RunParts } from './mutants-world.js';

const QUICK = { stabilitySeconds: 0, quietMs: 0 };
const PATIENT = { withinMs: 45_000, everyMs: 25 };

/** A writer has the file open and pauses: it stays where it is until the writer has closed it. */
export const openWriter = ({ seed, env }: RunParts): Promise<Found[]> =>
  inWorld({ seed, options: QUICK }, async (world) => {
    world.start('ingest', [], { env });
    await world.isStored(world.drop('first.csv', 10));
    const writer = world.writer('open.csv');
    writer.write('the first half,');
    const isThere = () => world.survey().input.some(({ path }) => path === 'open.csv');
    const disturbed = await stays('the open file is where it was', isThere, 2_500).then(
      () => [],
      () => [{ kind: 'writer_disturbed', what: 'a file was taken away while its writer had it open' }],
    );
    writer.write('and the second\n');
    const dropped = writer.close();
    await world.isStored(dropped, PATIENT);
    await world.stop();
    return [...disturbed, ...world.differences()];
  });

/** A foreign file has the planned name when the file is moved there. */
export const collision = ({ seed, env }: RunParts): Promise<Found[]> =>
  inWorld({ seed, options: QUICK }, async (world) => {
    world.start('ingest', [], { env });
    await world.event('worker_started');
    await pause(world.statePath, 'move');
    const { sha256 } = world.drop('x.csv', 100);
    const [line] = await until('the line', () => world.manifest().length === 1 && world.manifest(), PATIENT);
    const target = line!.record!.warehouse_path;
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, 'somebody else was here');
    world.bystander('warehouse', relative(world.feed().warehouse, target));
    await resume(world.statePath, 'move');
    await until('it is settled', () => world.jobs().some(({ state }) => state === 'done' || state === 'held'), PATIENT);
    const changed = world.differences({ settled: false }).filter(({ kind }) => kind === 'foreign_changed');
    if (changed.length > 0) return changed;
    world.bystanders.length = 0;
    rmSync(target);
    const { id } = world.jobs().find((job) => job.payload.sha256 === sha256)!;
    await world.run('ingest-ctl', ['retry', id]);
    await world.allDone(PATIENT);
    await world.stop();
    return world.differences();
  });

/** A sealed file is missing when it must be hashed, and comes back later. */
export const sealedFileAway = ({ seed, env }: RunParts): Promise<Found[]> =>
  inWorld({ seed, options: QUICK }, async (world) => {
    world.start('ingest', [], { env });
    await world.event('worker_started');
    await pause(world.statePath, 'hash');
    world.drop('x.csv', 100);
    const [sealed] = await until('the seal', () => world.underprocess().length === 1 && world.underprocess(), PATIENT);
    await until('its commit', () => world.jobs().some(({ stage }) => stage === 'hash'), PATIENT);
    const place = join(workDirOf(world.feed()), 'underprocess', sealed!.path);
    const away = join(workDirOf(world.feed()), 'away');
    renameSync(place, away);
    await resume(world.statePath, 'hash');
    await settledWith(world, 'hash');
    const held = world.jobs().find(({ state }) => state === 'held');
    renameSync(away, place);
    if (held?.hold_code !== 'sealed_file_missing')
      return [{ kind: 'lost', what: 'a sealed file was missing, and its job ended without a word' }];
    await world.run('ingest-ctl', ['retry', held.id]);
    await world.allDone(PATIENT);
    await world.stop();
    return world.differences();
  });

const settledWith = (world: World, stage: string): Promise<true> =>
  until(
    `${stage} has answered`,
    () => world.jobs().every(({ state }) => state === 'held' || state === 'done'),
    PATIENT,
  );

/** A worker is stopped with claimed jobs, another one works, and the first one goes on. */
export const stoppedWorker = ({ seed, env }: RunParts): Promise<Found[]> =>
  inWorld({ seed, options: QUICK }, async (world) => {
    world.start('ingest-producer', [], { env });
    const first = world.start('ingest-worker', [], { env });
    const { worker_pid: pid, owner } = await world.event('worker_started', (e) => e.heardFrom === first.pid);
    let second = first;
    for (let round = 0; round < 3; round++) {
      const since = world.log.all.length;
      const isStopped = () => {
        // It may have been too fast for us: then it gets more to do.
        if (world.jobs().every(({ state }) => state === 'done')) dropLarge(world, round);
        return stoppedInHand(world, pid as number, owner);
      };
      await until('it is stopped with claimed jobs', isStopped, PATIENT);
      if (second === first) second = world.start('ingest-worker', [], { env });
      await world.event('worker_started', (e) => e.heardFrom === second.pid);
      // While nobody is dead, the second worker waits; a worker that takes living owners' jobs does so within a second.
      await world.event('worker_lost', (e) => e.owner === owner, { since, withinMs: 3_000 }).catch(() => {});
      signal(pid as number, 'SIGCONT');
      await until(
        'all jobs are there',
        () => world.jobs().length >= world.dropped.length && world.jobs().every(({ state }) => state === 'done'),
        PATIENT,
      );
      const found: Found[] = world.differences();
      const bugs = world.log.named('bug').map(({ error }) => ({ kind: 'bug', what: String(error) }));
      if (found.length + bugs.length > 0) return [...found, ...bugs];
    }
    await world.stop();
    return world.differences();
  });

function dropLarge(world: World, round: number): void {
  const before = world.dropped.length;
  for (let i = 0; i < 30; i++) world.drop(`${round}-${before + i}.csv`, 800_000, { how: 'rename' });
}

function stoppedInHand(world: World, pid: number, owner: unknown): boolean {
  const inProgress = () => world.jobs().some((job) => job.state === 'claimed' && job.owner === owner);
  if (!inProgress()) return false;
  signal(pid, 'SIGSTOP');
  // Inside a write transaction it would block everybody, and nobody could take its jobs.
  if (inProgress() && !isWriteLocked(world.statePath)) return true;
  signal(pid, 'SIGCONT');
  return false;
}
