/**
 * The hosts that share a ledger, and what is wrong among them: for queue-stat --fleet, the page and the metrics.
 * Guarantees: one statement. A ledger that does not answer is a finding, never an empty list of hosts.
 */
import { shownSeconds } from '../../base/telemetry/safe.js';
import { type Finding, finding, iso } from '../../ingest/health/finding.js';
import type { Rows } from '../../shared-ledger/database.js';
import { SharedError } from '../../shared-ledger/errors.js';
import { type HostView, hostsView } from '../../shared-ledger/hosts.js';

/** A host gives a sign of life every ten seconds. */
const SILENT_MS = 60_000;

export type HostReport = ReturnType<typeof reportOf>;

export interface HostsReport {
  /** Host, port and database. */
  ledger: string;
  hosts: HostReport[];
  findings: Finding[];
}

export async function lookAtHosts(shared: Rows): Promise<HostsReport> {
  const ledger = shared.where;
  try {
    const hosts = (await hostsView(shared)).map(reportOf);
    const findings = hosts.flatMap((host) => [...findingsOf(host)]);
    // What is stuck comes first.
    return { ledger, hosts, findings: findings.sort((a, b) => b.severity.localeCompare(a.severity)) };
  } catch (error) {
    if (!(error instanceof SharedError)) throw error;
    const release = 'what is hashed waits for it at each host, and goes on by itself when it answers';
    const sentence = `${error.message}.`;
    return { ledger, hosts: [], findings: [finding('stuck', 'shared_ledger_away', { sentence, release })] };
  }
}

/** Without figures where the host gave none yet, or was forgotten. */
function reportOf({ name, place, figures, silentMs, conflicts, beforeJoin }: HostView) {
  return {
    host: name,
    // A host that runs with --once is silent between two runs.
    condition:
      place === null ? 'forgotten' : figures?.once ? 'runs at times' : silentMs > SILENT_MS ? 'silent' : 'at work',
    silent_seconds: Math.round(silentMs / 1_000),
    ...(place === null ? {} : figures),
    conflicts: conflicts - beforeJoin,
    conflicts_before_join: beforeJoin,
  };
}

function* findingsOf(of: HostReport): Generator<Finding> {
  const { host: what, condition, silent_seconds: silent, conflicts } = of;
  if (condition === 'silent')
    yield finding('stuck', 'host_silent', {
      what,
      sentence: `Host ${what} has given no sign of life for ${shownSeconds(silent)}; other hosts wait for what it carries.`,
      release: `start ingest there; where the host is gone for ever, ingest-ctl host forget ${what}`,
      since: iso(Date.now() - silent * 1_000),
    });
  if (conflicts > 0)
    yield finding('notice', 'content_stored_twice', {
      what,
      sentence: `${conflicts === 1 ? '1 content is' : `${conflicts} contents are`} stored at host ${what} and at another host too.`,
      release: `ingest-ctl audit --fleet at host ${what} names them; ingest-ctl withdraw one of the two, at its host`,
    });
}
