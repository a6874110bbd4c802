/**
 * What a look at everything would do, said and not done: by the same code, which stops before each act (`onlySaid`).
 * Guarantees: changes nothing, not even what a first start would make in DEST.
 * Does not: know what DEST has room for, or what changes later.
 */
import type { ByteName } from '../linux/index.js';
import { Belief } from './acts/belief.js';
import type { Parts, Planned } from './acts/parts.js';
import { Looking } from './looking.js';
import { Missing } from './missing.js';
import { lookAtBoth } from './open.js';
import { Place } from './place.js';
import { Retries } from './retries.js';
import { stretchOf } from './stretch.js';
import { Compare } from './trees/difference.js';
import { openRoot } from './trees/look-at-dest.js';
import { Source } from './trees/source.js';
import { noTotals, type ReplicateOptions } from './trees/types.js';
import { Trouble } from './trouble.js';

const nothing = () => {};

/** Errors: OperatorError, EnvironmentError. */
export async function planReplica(options: ReplicateOptions, tell: (planned: Planned) => void): Promise<void> {
  const { rules, marker } = lookAtBoth(options);
  const compare = new Compare(BigInt(marker.stepNs ?? 1));
  const trouble = new Trouble(new Retries(nothing), new Place(options.dest, nothing));
  const parts: Parts = {
    source: new Source(options, rules, marker),
    dest: { open: () => openRoot(options.dest), newName: () => '' as ByteName },
    rules,
    compare,
    belief: new Belief(compare, options.checksum ?? false, marker.sinceMs),
    delete: options.delete ?? true,
    checksum: options.checksum ?? false,
    totals: noTotals(),
    emit: nothing,
    wrote: nothing,
    giveWay: async () => {},
    plan: onceEach(tell),
  };
  const signal = new AbortController().signal;
  const looking = new Looking({ parts, trouble, stretch: stretchOf(parts, trouble), signal });
  try {
    await looking.tree('' as ByteName);
  } catch (error) {
    throw new Missing(options, nothing).asOperators(error);
  }
  for (const { path, code } of trouble.retries.list(Number.POSITIVE_INFINITY).unmirrored)
    tell({ act: 'fail', path, bytes: 0, why: `it cannot be mirrored (${code})` });
}

/** A directory that is not made is asked for again by each thing below it. */
function onceEach(tell: (planned: Planned) => void): (planned: Planned) => void {
  const said = new Set<string>();
  return (planned) => {
    const [{ act, path }, { size }] = [planned, said];
    if (act === 'make' || act === 'replace') said.add(`${act} ${path}`);
    if (said.size > size || (act !== 'make' && act !== 'replace')) tell(planned);
  };
}
