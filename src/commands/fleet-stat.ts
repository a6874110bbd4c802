/** queue-stat --fleet: all hosts that share a ledger, from that ledger alone. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Invocation } from '../base/config/read.js';
import { EXIT } from '../base/errors.js';
import { safeText, shownSeconds } from '../base/telemetry/safe.js';
import { type FleetReport, type HostReport, lookAtFleet } from '../service/fleet/report.js';
import { checkFleet } from './check.js';
import { print, printNote, printRaw } from './console.js';
import { findingText } from './queue-text.js';
import { withShared } from './shared.js';
import { tableOf } from './table.js';

const WATCH_MS = 5_000;

export const fleetStat = (invocation: Invocation): Promise<number> =>
  withShared(invocation, 'queue-stat --fleet', async (shared) => {
    const { view } = invocation;
    for (;;) {
      const report = await lookAtFleet(shared);
      if (view.check) return checkFleet(report, view);
      if (view.watch && !view.json && process.stdout.isTTY) printRaw('\u001b[H\u001b[2J');
      print(view.json ? JSON.stringify(report, undefined, view.watch ? 0 : 2) : fleetText(report));
      if (!view.watch) return alarm(report, view);
      await sleep(WATCH_MS);
    }
  });

/** Exit code 4, as for one host: a bound is passed, or something keeps files from going on. */
function alarm(report: FleetReport, { 'max-age': maxAge, 'max-held': maxHeld }: Invocation['view']): number {
  if (maxAge === undefined && maxHeld === undefined) return EXIT.done;
  const passed = report.findings.filter(({ severity }) => severity === 'stuck').map(({ sentence }) => sentence);
  for (const { host, held, oldest_age_seconds: age } of report.hosts) {
    if (maxHeld !== undefined && (held ?? 0) > maxHeld)
      passed.push(`host ${host} holds ${held} files, more than --max-held ${maxHeld}`);
    if (maxAge !== undefined && (age ?? 0) > maxAge)
      passed.push(`host ${host} has known a file for ${age} s, longer than --max-age ${maxAge}`);
  }
  for (const sentence of passed) printNote(safeText(`queue-stat: ${sentence}`));
  return passed.length > 0 ? EXIT.unfinished : EXIT.done;
}

const HEAD = ['host', 'condition', 'last seen', 'waiting', 'held', 'oldest age', 'files/s', 'gates', 'as of'];

export function fleetText({ ledger, hosts, findings }: FleetReport): string {
  const wrong = findings.map((finding) => `${findingText(finding)}\n`).join('');
  if (hosts.length === 0) return `${wrong}no host is known in ${safeText(ledger ?? '')}`;
  return `${wrong === '' ? '' : `${wrong}\n`}${tableOf(HEAD, hosts.map(row))}`;
}

const row = (host: HostReport): (string | number)[] => [
  ...[safeText(host.host), host.condition, ago(host.silent_seconds), host.waiting ?? '-', host.held ?? '-'],
  host.oldest_age_seconds ? shownSeconds(host.oldest_age_seconds) : '-',
  ...[host.files_per_second ?? '-', host.gates_closed ?? '-', ago(host.figures_age_seconds)],
];

const ago = (seconds: number | null): string =>
  seconds === null ? 'never' : seconds < 2 ? 'now' : `${shownSeconds(seconds)} ago`;
