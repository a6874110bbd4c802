/**
 * Reports the hosts that share a ledger and the findings about them, for queue-stat --fleet, the page and the metrics.
 * Guarantees: a ledger that cannot be reached is a finding, never an empty list of hosts.
 */
import type { Rows } from '../../fleet/connection.js';
import { SharedError } from '../../fleet/errors.js';
import { fleetView, type HostView } from '../../fleet/view.js';
import { type Finding, iso } from '../../ingest/health/finding.js';
import { awayFinding, fleetFindings, SILENT_SECONDS } from './findings.js';

export interface HostReport {
  host: string;
  condition: 'at work' | 'silent' | 'forgotten';
  silent_seconds: number;
  /** Null if the host never sent any. */
  waiting: number | null;
  held: number | null;
  oldest_age_seconds: number | null;
  files_per_second: number | null;
  files_processed: number | null;
  gates_closed: number | null;
  /** The age of these figures. */
  figures_age_seconds: number | null;
}

export interface FleetReport {
  /** Host, port and database; null if no ledger is shared. */
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
    return { ...report, hosts: [], findings: [awayFinding(error)] };
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
