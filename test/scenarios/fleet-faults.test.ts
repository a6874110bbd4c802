/**
 * Three hosts under load, a third of the files the same at several of them and at the same moment; meanwhile processes are killed and
 * stopped, connections are cut at any statement, before and after its commit, and PostgreSQL is restarted as after a loss of power.
 * SEED= as printed; FLEET_FILES= for the long form.
 */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { dice } from '../crash/dice.js';
import { Fleet, type FleetHost } from '../world/fleet.js';
import { signal } from '../world/program.js';
import { stays } from '../world/waiting.js';

const SEED = process.env.SEED ?? String(Date.now());
const FILES = Number(process.env.FLEET_FILES ?? 600);
/** Files that are dropped between two faults. */
const EACH = Math.max(10, Math.round(FILES / 60));
const LONG = { withinMs: 300_000 };

type Draw = (n: number) => number;
type Fault = (fleet: Fleet, host: FleetHost, draw: Draw) => Promise<void>;

const FAULTS: Record<string, Fault> = {
  'cut at a statement': async (_fleet, { proxy }, draw) => proxy.cutNext(draw(2) === 0 ? 'before' : 'after', draw(4)),
  'all connections cut': async (_fleet, { proxy }) => proxy.cutAll(),
  'a process killed': async (_fleet, { world }, draw) => {
    const pids = world.programs.filter(({ running }) => running).flatMap((program) => program.descendants());
    if (pids.length > 0) signal(pids[draw(pids.length)]!, 'SIGKILL');
  },
  'everything of a host killed': async (fleet, host) => {
    await host.world.killAll();
    fleet.startOne(host);
  },
  'a process stopped for a moment': async (_fleet, { world }, draw) => {
    const pids = world.programs.filter(({ running }) => running).flatMap((program) => program.descendants());
    const pid = pids[draw(Math.max(1, pids.length))];
    if (pid === undefined) return;
    signal(pid, 'SIGSTOP');
    await stays('stopped', () => true, 500 + draw(1_500));
    signal(pid, 'SIGCONT');
  },
  'PostgreSQL restarted': async ({ server }) => {
    await server.stop('immediate');
    await server.begin();
  },
};

function dropSome(fleet: Fleet, from: number, draw: Draw): void {
  for (let n = from; n < from + EACH; n++) {
    const first = draw(fleet.hosts.length);
    const hosts = draw(10) < 3 ? fleet.hosts.filter((_, i) => i === first || draw(2) === 0) : [fleet.hosts[first]!];
    const content = `${SEED} ${n}\n`.repeat(1 + draw(50));
    for (const { world } of hosts) world.drop(`f${n}.csv`, content);
  }
}

async function underFaults(t: TestContext): Promise<void> {
  const fleet = await Fleet.create(t, ['a', 'b', 'c'], { options: { stabilitySeconds: 0.1, quietMs: 0 } });
  if (!fleet) return;
  t.diagnostic(`SEED=${SEED}`);
  const draw = dice(SEED);
  await fleet.join();
  fleet.start();
  const done: Record<string, number> = {};
  for (let from = 0; from < FILES; from += EACH) {
    dropSome(fleet, from, draw);
    const name = Object.keys(FAULTS)[draw(Object.keys(FAULTS).length)]!;
    await FAULTS[name]!(fleet, fleet.hosts[draw(fleet.hosts.length)]!, draw);
    done[name] = (done[name] ?? 0) + 1;
    // A pause, so that the next fault comes at any moment of a file's way.
    await stays('under way', () => true, draw(300));
  }
  for (const { proxy } of fleet.hosts) proxy.calm();
  await fleet.allDone(LONG);
  await fleet.stop();
  fleet.check();
  await fleet.checkShared();
  const duplicates = fleet.hosts.flatMap(({ world }) => world.duplicates()).length;
  t.diagnostic(JSON.stringify({ ...done, duplicates }));
  assert(duplicates > 0);
  for (const name of Object.keys(FAULTS)) assert((done[name] ?? 0) > 0, `SEED=${SEED}: "${name}" never came`);
}

test(
  'each content is stored at one host, whatever is killed, stopped, cut and restarted',
  { timeout: 1_800_000 },
  underFaults,
);
