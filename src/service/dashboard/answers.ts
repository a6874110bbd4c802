/**
 * /stats and /trace (docs/http-api.md), made from the shared snapshot or from bounded reads.
 * Guarantees: field names are the words of the product; a field is never taken away or given another meaning.
 */
import type { QueueView } from '../../../queue/index.js';
import type { Snapshot } from './data/snapshots.js';
import { inFlight, lastEnded, type TracedJob } from './data/trace.js';

interface Folder {
  files: number;
  bytes: number;
}

/** The state read as the three folders of a folder queue, and per stage. */
export interface StatsAnswer {
  at: string;
  state_path: string;
  service: Snapshot['service'];
  throughput: Snapshot['throughput'];
  places: Snapshot['places'];
  /** Not sealed yet: they lie in the inputs. */
  unprocessed: Folder & { oldest_age_seconds: number };
  /** Sealed, and not yet stored. */
  underprocess: Folder & { oldest_age_seconds: number };
  /** Since the state was made: stored, and what was stored before. */
  processed: Folder & { stored: number; duplicates: number; files_per_second: number; bytes_per_second: number };
  held: number;
  stages: Snapshot['stages'];
  waits: Snapshot['waits'];
  records: Snapshot['records'];
  findings: Snapshot['findings'];
}

export function statsAnswer(snapshot: Snapshot): StatsAnswer {
  const [first] = snapshot.stages;
  const isFirst = ({ stage }: { stage: string }) => stage === first?.stage;
  const last = snapshot.stages.at(-1)?.stage;
  const total = (name: string): Folder =>
    sum(snapshot.totals.filter((one) => one.name === name).map(({ files, bytes }) => ({ files, bytes })));
  const [stored, duplicates] = [total('stored'), total('duplicate')];
  return {
    at: snapshot.at,
    state_path: snapshot.state_path,
    service: snapshot.service,
    throughput: snapshot.throughput,
    places: snapshot.places,
    unprocessed: folderOf(snapshot.stages.filter(isFirst)),
    underprocess: folderOf(snapshot.stages.filter((one) => !isFirst(one))),
    processed: {
      ...sum([stored, duplicates]),
      stored: stored.files,
      duplicates: duplicates.files,
      files_per_second: snapshot.stages.reduce(
        (rate, one) => rate + (one.stage === last ? one.files_per_second : 0),
        0,
      ),
      bytes_per_second: snapshot.throughput.find(({ feed }) => feed === '*')?.bytes_per_second ?? 0,
    },
    held: snapshot.stages.reduce((held, one) => held + one.held, 0),
    stages: snapshot.stages,
    waits: snapshot.waits,
    records: snapshot.records,
    findings: snapshot.findings,
  };
}

function folderOf(stages: Snapshot['stages']): StatsAnswer['unprocessed'] {
  const files = stages.map((one) => ({
    files: one.ready + one.deferred + one.claimed + one.waiting + one.held,
    bytes: one.bytes,
  }));
  return { ...sum(files), oldest_age_seconds: Math.max(0, ...stages.map((one) => one.oldest_age_seconds)) };
}

const sum = (folders: readonly Folder[]): Folder =>
  folders.reduce((all, { files, bytes }) => ({ files: all.files + files, bytes: all.bytes + bytes }), {
    files: 0,
    bytes: 0,
  });

export interface TraceAnswer {
  in_flight: TracedJob[];
  last: TracedJob[];
}

export const traceAnswer = (view: QueueView, n: number): TraceAnswer => ({
  in_flight: inFlight(view, n),
  last: lastEnded(view, n),
});
