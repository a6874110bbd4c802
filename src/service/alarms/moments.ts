/**
 * Troubles from events that only raise a counter: an overflow of the kernel's queue, a process that died. Such a trouble is over
 * when no further event has occurred for a while.
 * Guarantees: events while no notifier ran are reported at its next check. Events before the very first check are not.
 */
import type { Backend, Counter, Reader, Tx } from '../../../queue/backend.js';
import type { Clock } from './clock.js';
import { limits } from './limits.js';
import { type Trouble, troubleKey } from './trouble.js';

interface Count {
  feed: string;
  name: MomentCode;
  value: number;
}

interface Risen extends Count {
  risenFrom: number;
  risenMs: number;
}

type MomentCode = 'overflow' | 'worker_lost';

const TOLD: Record<MomentCode, { sentence: (feed: string, count: number) => string; release: string }> = {
  overflow: {
    sentence: (feed, count) => `The kernel dropped events of ${feed}, ${times(count)}; a scan finds the changes.`,
    release: 'raise fs.inotify.max_queued_events where it happens often',
  },
  worker_lost: {
    sentence: (_feed, count) => `${count === 1 ? '1 process has' : `${count} processes have`} died; their jobs go on.`,
    release: 'the log says of which signal or exit code (worker_lost)',
  },
};

const times = (count: number): string => (count === 1 ? 'once' : `${count} times`);

const KNOWN = 'SELECT feed, name, value, risen_from AS risenFrom, risen_ms AS risenMs FROM alarm_counts';
const SET = `INSERT INTO alarm_counts VALUES (?, ?, ?, ?, ?)
  ON CONFLICT DO UPDATE SET value = excluded.value, risen_from = excluded.risen_from, risen_ms = excluded.risen_ms`;

/** `isFirst`: this is the first check ever of this state. */
export async function momentsOf(backend: Backend, clock: Clock, isFirst: boolean): Promise<Trouble[]> {
  const counts = countsOf(backend.counters());
  const known = (rows: Reader) => rows.all<Risen>(KNOWN);
  const rising = changed(counts, backend.read(known));
  if (rising.length > 0)
    await backend.transact((tx: Tx) => {
      for (const { feed, name, value, before } of rising) {
        const isOn = before !== undefined && lasts(before, clock.wallMs());
        const from = isFirst ? value : isOn ? before.risenFrom : Math.min(before?.value ?? 0, value);
        tx.run(SET, feed, name, value, from, isFirst ? 0 : clock.wallMs());
      }
    });
  return backend.read(known).flatMap((risen) => (lasts(risen, clock.wallMs()) ? troubleOf(risen) : []));
}

function countsOf(counters: readonly Counter[]): Count[] {
  const counts = counters.filter(({ stage, name }) => stage === 'producer' && name === 'overflow');
  const lost = counters.filter(({ stage }) => stage === 'owners').reduce((sum, { files }) => sum + files, 0);
  return [
    ...counts.map(({ feed, files }) => ({ feed, name: 'overflow' as const, value: files })),
    { feed: '*', name: 'worker_lost' as const, value: lost },
  ];
}

const changed = (counts: readonly Count[], known: readonly Risen[]) =>
  counts
    .map((count) => ({ ...count, before: known.find(({ feed, name }) => feed === count.feed && name === count.name) }))
    .filter(({ value, before }) => value !== (before?.value ?? -1));

/** A trouble is also over if the clock was set meanwhile. */
const lasts = ({ value, risenFrom, risenMs }: Risen, wallMs: number): boolean =>
  value > risenFrom && Math.abs(wallMs - risenMs) < limits.quietMs;

function troubleOf({ feed, name, value, risenFrom, risenMs }: Risen): Trouble {
  const count = value - risenFrom;
  const { sentence, release } = TOLD[name];
  const named = { feed, code: name, stage: '*', what: '' };
  return {
    ...named,
    key: troubleKey(named),
    count,
    grows: true,
    graceMs: 0,
    sentence: sentence(feed, count),
    release,
    sinceMs: risenMs,
  };
}
