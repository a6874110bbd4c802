/**
 * /stats and /trace (docs/http-api.md), made from the shared snapshot or from bounded reads.
 * Guarantees: field names are the words of the product; a field is never taken away or given another meaning.
 */

import type { QueueView } from '../../../queue/index.js';
import { PUBLISH } from '../../base/config/values/stage-names.js';
import { sumOf } from '../../base/telemetry/metrics.js';
import type { Snapshot } from './data/snapshots.js';
import { inFlight, lastEnded } from './data/trace.js';

export type StatsAnswer = ReturnType<typeof statsAnswer>;

/** The state read as the three folders of a folder queue, and per stage. */
export function statsAnswer(snapshot: Snapshot) {
  const [first] = snapshot.stages;
  const isFirst = ({ stage }: { stage: string }) => stage === first?.stage;
  const all = snapshot.throughput.find(({ feed }) => feed === '*');
  const total = (name: string) => sumOf(snapshot.totals.filter((one) => one.name === name));
  const [stored, duplicates] = [total('stored'), total('duplicate')];
  return {
    at: snapshot.at,
    state_path: snapshot.state_path,
    service: snapshot.service,
    throughput: snapshot.throughput,
    places: snapshot.places,
    /** Not sealed yet: they lie in the inputs. */
    unprocessed: folderOf(snapshot.stages.filter(isFirst)),
    /** Sealed, and not yet stored. */
    underprocess: folderOf(snapshot.stages.filter((one) => !isFirst(one) && one.stage !== PUBLISH)),
    /** Since the state was made: stored, and what was stored before. */
    processed: {
      ...sumOf([stored, duplicates]),
      stored: stored.files,
      duplicates: duplicates.files,
      files_per_second: all?.files_per_second ?? 0,
      bytes_per_second: all?.bytes_per_second ?? 0,
    },
    held: snapshot.stages.reduce((held, one) => held + one.held, 0),
    stages: snapshot.stages,
    waits: snapshot.waits,
    records: snapshot.records,
    findings: snapshot.findings,
  };
}

function folderOf(stages: Snapshot['stages']) {
  const files = stages.map((one) => ({
    files: one.ready + one.deferred + one.claimed + one.waiting + one.held,
    bytes: one.bytes,
  }));
  return { ...sumOf(files), oldest_age_seconds: Math.max(0, ...stages.map((one) => one.oldest_age_seconds)) };
}

export type TraceAnswer = ReturnType<typeof traceAnswer>;

export const traceAnswer = (view: QueueView, n: number) => ({
  in_flight: inFlight(view, n),
  last: lastEnded(view, n),
});
