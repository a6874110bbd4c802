/**
 * The events between two quiet points: to the consumer, the watcher, its process and the root.
 */
import { mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Apart } from './places.js';
import type { Plan } from './plan.js';
import type { Run } from './run.js';
import type { Ending } from './taker.js';

export interface Round {
  name: string;
  /** How often. */
  times: number;
  /** The same watcher runs for the whole round. */
  watches: boolean;
  /** The root goes, or is replaced. */
  root?: true;
  /** The kernel's queue overflows. */
  floods?: true;
  run(run: Run): Promise<void>;
}

const QUEUE = Number(readFileSync('/proc/sys/fs/inotify/max_queued_events', 'utf8'));
/** A larger queue is not filled: it would take too long. */
const QUEUE_MAX = 100_000;

const ENDINGS: readonly Ending[] = ['stops', 'stops', 'leaves', 'leaves before'];
const DEATHS: readonly Ending[] = ['dies before', 'dies', 'dies after'];

const ANYWHERE: Round[] = [
  { name: 'plain', times: 20, watches: true, run: (run) => run.act(run.plan.perRound) },
  { name: 'paused', times: 8, watches: true, run: paused },
  { name: 'stopped', times: 6, watches: false, run: stopped },
  { name: 'stopped at an event', times: 8, watches: false, run: stoppedAtEvent },
  { name: 'root made again', times: 2, watches: true, root: true, run: rootAnew },
  { name: 'root exchanged', times: 2, watches: true, root: true, run: rootExchanged },
];
const FLOODED: Round = { name: 'flooded', times: 1, watches: true, floods: true, run: flooded };
const HERE: Round[] = [...ANYWHERE, FLOODED];
const APART: Round[] = [
  ...ANYWHERE,
  FLOODED,
  { name: 'frozen', times: 4, watches: true, run: (run) => frozen(run, () => run.acts(run.plan.perRound)) },
  { name: 'killed', times: 8, watches: false, run: killed },
  { name: 'killed at an event', times: 12, watches: false, run: killedAtEvent },
];
/**
 * With scans only, a file that was at a path for a while may never be noticed. So the consumer does not read during
 * changes, and the root is not exchanged.
 */
const POLLED: Round[] = [
  { name: 'paused', times: 3, watches: true, run: paused },
  { name: 'stopped', times: 1, watches: false, run: stopped },
];

export function roundsOf({ apart, backend }: Plan): Round[] {
  const rounds = backend === 'poll' ? POLLED : apart ? APART : HERE;
  return rounds
    .filter((round) => round !== FLOODED || QUEUE <= QUEUE_MAX)
    .flatMap((round) => Array<Round>(round.times).fill(round));
}

async function paused(run: Run): Promise<void> {
  await run.place.pause();
  await run.act(run.plan.perRound);
  await run.place.resume();
}

async function stopped(run: Run): Promise<void> {
  const third = Math.ceil(run.plan.perRound / 3);
  if (run.plan.backend === 'poll') await run.place.pause();
  await run.act(third);
  await run.place.stop();
  await startAgain(run, third, 'stopped');
}

async function stoppedAtEvent(run: Run): Promise<void> {
  const third = Math.ceil(run.plan.perRound / 3);
  const how = ENDINGS[run.draw(ENDINGS.length)]!;
  await run.place.endAfter(run.draw(third), how);
  await run.act(third);
  await run.place.stop();
  await startAgain(run, third, `stopped: ${how}`);
}

async function killed(run: Run): Promise<void> {
  const third = Math.ceil(run.plan.perRound / 3);
  await run.act(run.draw(third));
  await (run.place as Apart).kill();
  await startAgain(run, third, 'killed');
}

/** Twice; the second one comes while events of the first are taken. */
async function killedAtEvent(run: Run): Promise<void> {
  const quarter = Math.ceil(run.plan.perRound / 4);
  for (let deaths = 1 + run.draw(2); deaths > 0; deaths--) {
    const how = DEATHS[run.draw(DEATHS.length)]!;
    await run.place.endAfter(run.draw(quarter), how);
    await run.act(quarter);
    await (run.place as Apart).kill();
    await startAgain(run, quarter, `killed: ${how}`);
  }
}

/** The tree changes before it, and while the new watcher starts. */
async function startAgain(run: Run, operations: number, how: string): Promise<void> {
  run.ended(how);
  if (run.draw(3) > 0) run.acts(operations);
  if (run.plan.backend === 'poll' || run.draw(3) === 0) await run.start();
  else await Promise.all([run.start(), run.act(operations)]);
}

async function flooded(run: Run): Promise<void> {
  await frozen(run, () => {
    run.acts(Math.ceil(run.plan.perRound / 2));
    run.actor.noise(QUEUE);
    run.acts(Math.ceil(run.plan.perRound / 2));
  });
}

/** Within one turn of the loop a watcher in this process reads nothing. */
async function frozen(run: Run, act: () => void): Promise<void> {
  const apart = run.place instanceof Apart ? run.place : undefined;
  apart?.signal('SIGSTOP');
  act();
  apart?.signal('SIGCONT');
}

async function rootAnew(run: Run): Promise<void> {
  const half = Math.ceil(run.plan.perRound / 2);
  await run.act(half);
  run.log.step('root made again');
  rmSync(run.root, { recursive: true });
  mkdirSync(run.root);
  run.actor.enter();
  await run.act(half);
}

/** The root of last time is aside, and comes back. */
async function rootExchanged(run: Run): Promise<void> {
  const half = Math.ceil(run.plan.perRound / 2);
  const [other, aside] = ['other', 'aside'].map((name) => join(run.base, name));
  await run.act(half);
  run.log.step('root exchanged');
  mkdirSync(other!, { recursive: true });
  renameSync(run.root, aside!);
  renameSync(other!, run.root);
  renameSync(aside!, other!);
  run.actor.enter();
  await run.act(half);
}
