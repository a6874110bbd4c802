/**
 * Reports what a full scan would do, without doing it. It runs the same code, which stops before each act
 * (`onlyPlanned`).
 * Guarantees: changes nothing, not even the files that a first start would create in DEST.
 * Does not: know how much room DEST has, or what changes later.
 */
import type { ByteName } from '../linux/index.js';
import { KnownCopies } from './acts/known-copies.js';
import type { Parts } from './acts/parts.js';
import { Missing } from './missing.js';
import { checkBoth } from './open.js';
import { Retries } from './retries.js';
import { sessionOf } from './session.js';
import { TreeSync } from './tree-sync.js';
import { openRoot } from './trees/check-dest.js';
import { Compare } from './trees/compare.js';
import { Source } from './trees/source.js';
import { noTotals, type PlannedAct, type ReplicateOptions } from './trees/types.js';
import { DestHealth, Trouble } from './trouble.js';

const nothing = () => {};

/** Errors: OperatorError, EnvironmentError. */
export async function planReplica(options: ReplicateOptions, report: (planned: PlannedAct) => void): Promise<void> {
  const { rules, marker } = checkBoth(options);
  const compare = new Compare(BigInt(marker.stepNs ?? 1));
  const trouble = new Trouble(new Retries(nothing), new DestHealth(options.dest, nothing));
  const parts: Parts = {
    source: new Source(options, rules, marker),
    dest: { open: () => openRoot(options.dest), newName: () => '' as ByteName, path: options.dest },
    rules,
    compare,
    knownCopies: new KnownCopies(compare, options.checksum ?? false, marker.sinceMs),
    delete: options.delete ?? true,
    checksum: options.checksum ?? false,
    totals: noTotals(),
    passed: { files: 0, bytes: 0 },
    emit: nothing,
    wrote: nothing,
    giveWay: async () => {},
    plan: onceEach(report),
  };
  const signal = new AbortController().signal;
  const treeSync = new TreeSync({ parts, trouble, session: sessionOf(parts, trouble), signal });
  try {
    await treeSync.tree('' as ByteName);
  } catch (error) {
    throw new Missing(options, nothing).asOperators(error);
  }
  for (const { code, ...named } of trouble.retries.list(Number.POSITIVE_INFINITY).unmirrored)
    report({ act: 'fail', ...named, bytes: 0, why: `it cannot be mirrored (${code})` });
}

/** A directory that is not made is requested again for each entry below it; it is reported once. */
function onceEach(report: (planned: PlannedAct) => void): (planned: PlannedAct) => void {
  const said = new Set<string>();
  return (planned) => {
    const [{ act, pathBytes }, { size }] = [planned, said];
    if (act === 'make' || act === 'replace') said.add(`${act} ${pathBytes.toString('latin1')}`);
    if (said.size > size || (act !== 'make' && act !== 'replace')) report(planned);
  };
}
