/** Findings about the hosts that share a ledger, each one sentence with its remedy. */
import { shownSeconds } from '../../base/telemetry/safe.js';
import type { SharedError } from '../../fleet/errors.js';
import { CONFLICTS_COUNTED, type FleetView, type HeldView, type HostView } from '../../fleet/view.js';
import { type Finding, iso } from '../../ingest/health/finding.js';

/** A host sends a sign of life every ten seconds. */
export const SILENT_SECONDS = 60;

export const fleetFindings = ({ hosts, held, conflicts }: FleetView, nowMs: number): Finding[] => [
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

export const awayFinding = (error: SharedError): Finding => ({
  ...OF_ALL,
  code: 'shared_ledger_away',
  severity: 'stuck',
  files: 0,
  sentence: error.message,
  release: 'what is hashed waits for it at each host, and goes on by itself when it answers',
  since: null,
});
