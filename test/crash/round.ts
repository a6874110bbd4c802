/**
 * One round: a fresh scene, a run in which one call dies or fails, perhaps a second one in the recovery, then a run
 * without faults, and the oracle. A round without a fault gives the list of calls.
 */
import type { Difference } from '../world/oracle.js';
import { wrongOrder } from './call-order.js';
import type { Call, Control, Fault } from './control.js';
import type { Lane, Ran } from './lane.js';
import { type Grounds, MISMATCHED, Scene } from './scene.js';

export interface RoundPlan {
  /** The faults of the first run, and of its recovery. */
  faults: readonly Fault[];
  seed: string;
}

export interface Violation {
  kind: string;
  what: string;
}

export interface RoundEnd {
  /** The call that was hit in each faulty run; undefined where the run had fewer calls. */
  hits: (Call | undefined)[];
  /** All calls of the last faulty run. */
  calls: Call[];
  /** False where everything arrived by itself, true where an operator's `retry` was needed. */
  retried: boolean;
  /** Calls of the run without a fault that followed. */
  recoveryCalls: number;
  violations: Violation[];
  renames: number;
  /** The directories of its files. Under `keep` a scene with violations is left as it is. */
  places: string[];
}

const NO_FAULT: Fault = { kind: 'nothing', at: 0 };

export async function runRound(lane: Lane, grounds: Grounds, plan: RoundPlan, keep = false): Promise<RoundEnd> {
  const scene = new Scene(plan.seed, grounds);
  const end: RoundEnd = {
    hits: [],
    calls: [],
    retried: false,
    recoveryCalls: 0,
    violations: [],
    renames: 0,
    places: scene.roots,
  };
  const clocks = { boot: 0, hour: 0 as 0 | 1, second: false };
  const run = (fault: Fault) => runOnce(lane, scene, fault, clocks);
  scene.first();
  for (const [n, fault] of plan.faults.entries()) {
    const ran = await run(fault);
    end.calls = ran.control.log();
    end.renames += ran.control.get('renames');
    const hit = ran.control.get('hits') > 0;
    end.hits.push(hit ? hitOf(end.calls, fault) : undefined);
    judge(ran, fault, end.violations);
    if (!fault.kind.startsWith('fail')) end.violations.push(...wrongOrder(end.calls, n === 0));
    if (ran.code !== 0) end.violations.push(...atOnce(scene));
    if (!clocks.second && ran.first) clocks.second = true;
    if (!hit) break;
  }
  const needsMore = plan.faults.length === 0 || end.hits.at(-1) !== undefined;
  if (needsMore) await recover(run, scene, end);
  end.violations.push(...told(scene.world.differences(), 'in the end'));
  end.violations.push(...scene.unchecked().map((what) => ({ kind: 'unchecked', what })));
  if (end.violations.length === 0 || !keep) await scene.end();
  return end;
}

const hitOf = (calls: readonly Call[], { at, only }: Fault): Call | undefined =>
  calls.filter(({ call, path }) => !only || (call === only.call && path.includes(only.path)))[at - 1];

/** With the fault gone, everything arrives by itself, or after one `ingest-ctl retry`. */
async function recover(
  run: (fault: Fault) => Promise<Ran & { control: Control }>,
  scene: Scene,
  end: RoundEnd,
): Promise<void> {
  const ran = await run(NO_FAULT);
  judge(ran, NO_FAULT, end.violations);
  end.violations.push(...wrongOrder(ran.control.log(), false));
  end.recoveryCalls = ran.control.get('calls');
  if (end.calls.length === 0) {
    end.calls = ran.control.log();
    end.renames = ran.control.get('renames');
  }
  const unexpected = heldUnexpectedly(scene);
  if (unexpected.length === 0) return;
  end.retried = true;
  await scene.world.run('ingest-ctl', ['retry', '--all']);
  judge(await run(NO_FAULT), NO_FAULT, end.violations);
}

/** Held files, without the one whose sidecar demands another checksum and that is held for this reason. */
export const heldUnexpectedly = ({ world }: Scene): string[] =>
  world.feeds.flatMap(({ name }) =>
    world
      .jobs(name)
      .filter(
        ({ state, key, hold_code }) => state === 'held' && !(key === MISMATCHED && hold_code === 'checksum_mismatch'),
      )
      .map(({ key }) => key),
  );

async function runOnce(
  lane: Lane,
  scene: Scene,
  fault: Fault,
  clocks: { boot: number; hour: 0 | 1; second: boolean },
): Promise<Ran & { control: Control }> {
  const second = (control?: Control) => {
    if (!clocks.second) scene.second();
    clocks.second = true;
    clocks.hour = 1;
    control?.set('wall_ns', scene.wallNs(1));
  };
  // The process that starts after a death finds the second batch at once: the recovery meets both.
  const isFirst = clocks.boot === 0;
  if (!isFirst) second();
  const ran = await lane.run(
    { config: scene.config, withdraw: scene.withdrawn },
    (control) => {
      control.set('boot_ns', clocks.boot);
      control.set('wall_ns', scene.wallNs(clocks.hour));
      control.arm(scene.roots, fault);
    },
    isFirst ? second : undefined,
  );
  clocks.boot = ran.control.get('boot_ns') + 1;
  return ran;
}

/** Judges a run itself: its end and its log. */
function judge(ran: Ran & { control: Control }, fault: Fault, violations: Violation[]): void {
  const died = fault.kind.startsWith('kill') && ran.control.get('hits') > 0;
  const failed = fault.kind.startsWith('fail') && ran.control.get('hits') > 0;
  const tail = ran.stderr.slice(-1_500);
  if (ran.stuck) violations.push({ kind: 'hangs', what: `a run did not end\n${tail}` });
  else if (died && ran.signal !== 'SIGKILL') violations.push({ kind: 'survived', what: `exit code ${ran.code}` });
  else if (!died && !failed && ran.code !== 0)
    violations.push({ kind: 'failed', what: `exit code ${ran.code ?? ran.signal}\n${tail}` });
  else if (failed && ran.code === null) violations.push({ kind: 'crashed', what: `${ran.signal}\n${tail}` });
  if (/"event":"bug"/.test(ran.stderr)) violations.push({ kind: 'bug', what: tail });
  if (ran.control.get('lies') > 0)
    violations.push({
      kind: 'sync_retried',
      what: 'a file was synced again after a failed sync, without being written again',
    });
}

export const told = (found: readonly Difference[], when: string): Violation[] =>
  found.map(({ kind, what }) => ({ kind, what: `${when}: ${what}` }));

/** The rules that always hold, also in the middle of the work. */
function atOnce({ world }: Scene): Violation[] {
  try {
    return told(world.differences({ settled: false }), 'at once');
  } catch (error) {
    // A state that died while its tables were made has a journal to be rolled back, which a read-only process may not do.
    if ((error as { code?: string }).code === 'SQLITE_READONLY_ROLLBACK') return [];
    throw error;
  }
}
