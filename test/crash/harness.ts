/**
 * Runs planned rounds in lanes beside one another and notes each in a journal.
 * Guarantees: fails when the library saw no rename of ours: a harness that sees nothing would find nothing.
 */
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { withoutNoReplace } from '../world/without-noreplace.js';
import { type Call, compilePreload } from './control.js';
import { type OpenGrounds, openGrounds } from './grounds.js';
import type { Entry } from './journal.js';
import { Lane } from './lane.js';
import type { Part } from './parts.js';
import type { Planned } from './plan.js';
import { pointOf } from './points.js';
import { runProcesses } from './processes.js';
import { type RoundEnd, runRound } from './round.js';
import { entryOf, type Unit } from './unit.js';

export interface Harness {
  grounds: OpenGrounds;
  /** Returns all calls of a run without a fault. `links`: without RENAME_NOREPLACE. */
  baseline(part?: Part): Promise<RoundEnd>;
  /** Turns a planned round into a unit for a lane. */
  unit(round: Planned): Unit;
  run(units: Iterable<Unit>, done: (entry: Entry) => void, until: () => boolean): Promise<void>;
  close(): void;
}

/** Undefined where there is no gcc. */
export function openHarness(
  seed: string,
  keep: boolean,
  lanes = Math.min(3, availableParallelism()),
): Harness | undefined {
  const grounds = openGrounds();
  const library = compilePreload(grounds.tools);
  if (library === undefined) {
    grounds.close();
    return undefined;
  }
  const all = Array.from({ length: lanes }, (_, number) => new Lane(library, grounds.tools, number));
  const linking = new Map<Lane, Lane>();

  /** A lane whose programs find no RENAME_NOREPLACE. It is beside the given one and is used by the same worker. */
  function laneFor(part: Part, lane: Lane): Lane {
    if (part !== 'links') return lane;
    const known = linking.get(lane);
    if (known) return known;
    const made = new Lane(`${library}:${withoutNoReplace(grounds.tools)}`, grounds.tools, lanes + lane.number);
    linking.set(lane, made);
    return made;
  }

  async function one(given: Lane, round: Planned): Promise<RoundEnd> {
    const lane = laneFor(round.part, given);
    const end =
      round.part === 'processes'
        ? await runProcesses(lane, grounds, { faults: round.faults, seed }, keep)
        : await runRound(lane, grounds, { faults: round.faults, seed }, keep);
    if (keep && end.violations.length > 0)
      process.stderr.write(`the world of "${round.name}" is kept in ${copyOf(end.places)}\n`);
    return end;
  }
  return {
    grounds,
    async baseline(part = 'kill') {
      const lane = laneFor(part, all[0]!);
      const end = await runRound(lane, grounds, { faults: [{ kind: 'nothing', at: 0 }], seed }, keep);
      assert.deepEqual(end.violations, [], 'without a fault');
      assert(end.renames > 0, 'the preloaded library counted no renameat2: it sees nothing of ours');
      return end;
    },
    unit: (round) => ({ ...round, run: async (lane) => noted(round, await one(lane, round)) }),
    async run(units, done, until) {
      const iterator = units[Symbol.iterator]();
      const work = async (lane: Lane): Promise<void> => {
        for (let next = iterator.next(); !next.done && !until(); next = iterator.next()) {
          done(await next.value.run(lane));
        }
      };
      await Promise.all(all.map(work));
    },
    close() {
      for (const lane of [...all, ...linking.values()]) lane.close();
      grounds.close();
    },
  };
}

/** The grounds are unmounted when this process ends, so files to keep are copied to a disk. */
function copyOf(places: readonly string[]): string {
  const kept = mkdtempSync(join(tmpdir(), 'ingest-kept-'));
  for (const place of places) cpSync(place, join(kept, basename(place)), { recursive: true, preserveTimestamps: true });
  return kept;
}

function noted(round: Planned, end: RoundEnd): Entry {
  const points = end.hits.map((call: Call | undefined) => (call ? pointOf(call) : null));
  return entryOf(round, { points, recoveryCalls: end.recoveryCalls, retried: end.retried, violations: end.violations });
}
