/**
 * The hosts that share a ledger, and what is wrong between them: for queue-stat --fleet, the page and the metrics.
 * Guarantees: field names are the words of the product. A ledger that is away is a finding, and never an empty fleet.
 */
import { shownSeconds } from '../../base/telemetry/safe.js';
import type { Rows } from '../../fleet/connection.js';
import { SharedError } from '../../fleet/errors.js';
import { CONFLICTS_COUNTED, type FleetView, fleetView, type HeldView, type HostView } from '../../fleet/view.js';
import { type Finding, iso } from '../../ingest/health/finding.js';

/** A host says that it lives every ten seconds. */
const SILENT_SECONDS = 60;

export interface HostReport {
  host: string;
  condition: 'at work' | 'silent' | 'forgotten';
  silent_seconds: number;
  /** Null where it never said them. */
  waiting: number | null;
  held: number | null;
  oldest_age_seconds: number | null;
  files_per_second: number | null;
  files_processed: number | null;
  gates_closed: number | null;
  /** How old these figures are. */
  figures_age_seconds: number | null;
}

export interface FleetReport {
  /** Host, port and database; null where none is shared. */
  ledger: string | null;
  at: string;
  hosts: HostReport[];
  findings: Finding[];
}

export async function lookAtFleet(shared: Rows, nowMs = Date.now()): Promise<FleetReport> {
  const report = { ledger: shared.where, at: iso(nowMs) };
  try {
    const view = await fleetView(shared);
    return { ...report, hosts: view.hosts.map(hostReport), findings: fleetFindings(view, nowMs) };
  } catch (error) {
    if (!(error instanceof SharedError)) throw error;
    return { ...report, hosts: [], findings: [away(error)] };
  }
}

function hostReport({ name, silentMs, isForgotten, figures, figuresMs }: HostView): HostReport {
  const silent = Math.round(silentMs / 1_000);
  return {
    host: name,
    condition: isForgotten ? 'forgotten' : silent > SILENT_SECONDS ? 'silent' : 'at work',
    silent_seconds: silent,
    waiting: figures?.waiting ?? null,
    held: figures?.held ?? null,
    oldest_age_seconds: figures?.oldest_seconds ?? null,
    files_per_second: figures?.files_per_second ?? null,
    files_processed: figures?.files_processed ?? null,
    gates_closed: figures?.gates ?? null,
    figures_age_seconds: figuresMs === null ? null : Math.round(figuresMs / 1_000),
  };
}

const fleetFindings = ({ hosts, held, conflicts }: FleetView, nowMs: number): Finding[] => [
  ...hosts
    .filter(({ silentMs, isForgotten }) => !isForgotten && silentMs > SILENT_SECONDS * 1_000)
    .map((host) => silent(host, nowMs)),
  ...held.map((one) => heldLong(one, nowMs)),
  ...(conflicts > 0 ? [storedTwice(conflicts)] : []),
];

const OF_ALL = { feed: '*', stage: '*' } as const;

const silent = ({ name, silentMs }: HostView, nowMs: number): Finding => ({
  ...OF_ALL,
  code: 'host_silent',
  severity: 'stuck',
  what: name,
  files: 0,
  sentence: `host ${name} has given no sign of life for ${shownSeconds(Math.round(silentMs / 1_000))}; what it carries waits at the other hosts too`,
  release: `start ingest there; where the host is gone for ever, ingest-ctl host forget ${name}`,
  since: iso(nowMs - silentMs),
});

const heldLong = ({ name, code, contents, oldestMs }: HeldView, nowMs: number): Finding => ({
  ...OF_ALL,
  code: 'carrier_held',
  severity: 'stuck',
  what: `${name} ${code}`,
  files: contents,
  sentence: `host ${name} holds ${contents === 1 ? 'a file' : `${contents} files`} for ${code}; files with the same content wait for that at the other hosts`,
  release: `at host ${name}: ingest-ctl held says why; retry or discard them there`,
  since: iso(nowMs - oldestMs),
});

const storedTwice = (contents: number): Finding => ({
  ...OF_ALL,
  code: 'content_stored_twice',
  severity: 'notice',
  files: contents,
  sentence: `${contents === CONFLICTS_COUNTED ? `at least ${contents}` : contents} contents are stored at two hosts, since the shared ledger had lost which host had them`,
  release: 'ingest-ctl withdraw one of the two, at its host; the table conflicts names them',
  since: null,
});

const away = (error: SharedError): Finding => ({
  ...OF_ALL,
  code: 'shared_ledger_away',
  severity: 'stuck',
  files: 0,
  sentence: error.message,
  release: 'what is hashed waits for it at each host, and goes on by itself when it answers',
  since: null,
});
