/**
 * The hosts that share a ledger, and what is wrong among them: for queue-stat --fleet and the page.
 * Guarantees: one statement. A ledger that does not answer is a finding, never an empty list of hosts.
 */
import { shownSeconds } from '../../base/telemetry/safe.js';
import { type Finding, iso } from '../../ingest/health/finding.js';
import type { Rows } from '../../shared-ledger/database.js';
import { SharedError } from '../../shared-ledger/errors.js';
import { type HostView, hostsView } from '../../shared-ledger/hosts.js';

/** A host gives a sign of life every ten seconds. */
const SILENT_MS = 60_000;

export type HostReport = ReturnType<typeof reportOf>;

export interface HostsReport {
  /** Host, port and database; null where nothing is shared. */
  ledger: string | null;
  hosts: HostReport[];
  findings: Finding[];
}

export async function lookAtHosts(shared: Rows, nowMs = Date.now()): Promise<HostsReport> {
  try {
    const hosts = await hostsView(shared);
    return { ledger: shared.where, hosts: hosts.map(reportOf), findings: findingsOf(hosts, nowMs) };
  } catch (error) {
    if (!(error instanceof SharedError)) throw error;
    return { ledger: shared.where, hosts: [], findings: [away(error)] };
  }
}

type Condition = 'at work' | 'silent' | 'runs at times' | 'forgotten';

function conditionOf({ place, figures, silentMs }: HostView): Condition {
  if (place === null) return 'forgotten';
  // Of a host that runs with --once, silence says nothing.
  if (figures?.once) return 'runs at times';
  return silentMs > SILENT_MS ? 'silent' : 'at work';
}

/** The figures are null where the host gave none yet, or was forgotten. */
function reportOf(host: HostView) {
  const figures = host.place === null ? null : host.figures;
  return {
    host: host.name,
    condition: conditionOf(host),
    silent_seconds: Math.round(host.silentMs / 1_000),
    waiting: figures?.waiting ?? null,
    held: figures?.held ?? null,
    oldest_age_seconds: figures?.oldest_seconds ?? null,
    files_processed: figures?.files_processed ?? null,
    gates_closed: figures?.gates_closed ?? null,
    untold: figures?.untold ?? null,
    conflicts: host.conflicts - host.beforeJoin,
    conflicts_before_join: host.beforeJoin,
  };
}

const OF_ALL = { feed: '*', stage: '*', files: 0 } as const;

const findingsOf = (hosts: readonly HostView[], nowMs: number): Finding[] => [
  ...hosts.filter((host) => conditionOf(host) === 'silent').map((host) => silent(host, nowMs)),
  ...hosts.filter(({ conflicts, beforeJoin }) => conflicts > beforeJoin).map(storedTwice),
];

const silent = ({ name, silentMs }: HostView, nowMs: number): Finding => ({
  ...OF_ALL,
  code: 'host_silent',
  severity: 'stuck',
  what: name,
  sentence: `Host ${name} has given no sign of life for ${shownSeconds(Math.round(silentMs / 1_000))}; other hosts wait for what it carries.`,
  release: `start ingest there; where the host is gone for ever, ingest-ctl host forget ${name}`,
  since: iso(nowMs - silentMs),
});

function storedTwice({ name, conflicts, beforeJoin }: HostView): Finding {
  const contents = conflicts - beforeJoin;
  return {
    ...OF_ALL,
    code: 'content_stored_twice',
    severity: 'notice',
    what: name,
    sentence: `${contents === 1 ? '1 content is' : `${contents} contents are`} stored at host ${name} and at another host too.`,
    release: `ingest-ctl audit --fleet at host ${name} names them; ingest-ctl withdraw one of the two, at its host`,
    since: null,
  };
}

const away = ({ message }: SharedError): Finding => ({
  ...OF_ALL,
  code: 'shared_ledger_away',
  severity: 'stuck',
  sentence: `${message}.`,
  release: 'what is hashed waits for it at each host, and goes on by itself when it answers',
  since: null,
});
