/**
 * The same scene on the real daemons: `ingest --once` with a process for each stage, one of them killed at a chosen call;
 * its parent starts it again, and all must arrive without anybody's help. The first one is started again by this file.
 */
import type { Control } from './control.js';
import type { Lane } from './lane.js';
import type { RoundEnd, RoundPlan } from './round.js';
import { heldUnexpectedly, told } from './round.js';
import { type Grounds, Scene } from './scene.js';

/** The files that stay held. */
const HELD = 4;
const ARGS = ['--once', '--workers', 'verify-complete=1,hash=1,manifest=1,move=1'];

export async function runProcesses(lane: Lane, grounds: Grounds, plan: RoundPlan, keep: boolean): Promise<RoundEnd> {
  const scene = new Scene(plan.seed, grounds);
  const { world } = scene;
  const control = lane.controlOfProcesses;
  control.clear();
  scene.first();
  scene.second();
  control.set('wall_ns', scene.wallNs(0));
  control.arm(scene.roots, plan.faults[0]!);
  const run = () => world.launch('ingest', [...ARGS, ...world.flags('ingest')], { env: envOf(lane, control) }).ended;
  let ended = await run();
  // The service itself, which systemd starts again.
  if (ended.signal === 'SIGKILL') ended = await run();
  const calls = control.log();
  const hit = control.get('hits') > 0;
  const end: RoundEnd = {
    hits: [hit ? calls[plan.faults[0]!.at - 1] : undefined],
    calls,
    retried: false,
    renames: control.get('renames'),
    places: scene.roots,
    recoveryCalls: 0,
    violations: [],
  };
  // All files are in: a process that is killed while it drains is reported, and not started again.
  const inDrain = hit && /died while it was draining/.test(ended.stderr);
  if (ended.code !== HELD && !inDrain)
    end.violations.push({
      kind: 'failed',
      what: `exit code ${ended.code ?? ended.signal}\n${ended.stderr.slice(-1_500)}`,
    });
  if (heldUnexpectedly(scene).length > 0) end.violations.push({ kind: 'stuck', what: 'a file is held after a kill' });
  end.violations.push(...told(world.differences(), 'in the end'));
  if (end.violations.length === 0 || !keep) await scene.end();
  return end;
}

const envOf = (lane: Lane, control: Control): NodeJS.ProcessEnv => ({
  LD_PRELOAD: lane.library,
  CRASH_CONTROL: control.path,
  UV_THREADPOOL_SIZE: '1',
  UV_USE_IO_URING: '0',
});
