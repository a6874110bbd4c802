/** queue-stat --fleet: all hosts that share a ledger, from that ledger alone. */
import type { Invocation } from '../base/config/read.js';
import { EXIT } from '../base/errors.js';
import { safeText, shownSeconds } from '../base/telemetry/safe.js';
import { type HostReport, type HostsReport, lookAtHosts } from '../service/status/hosts.js';
import { checkHosts } from './check.js';
import { print, printJson } from './console.js';
import { findingText } from './queue-text.js';
import { withShared } from './shared.js';
import { tableOf } from './table.js';

export const hostsStat = (invocation: Invocation): Promise<number> =>
  withShared(invocation, 'queue-stat --fleet', async (shared) => {
    const report = await lookAtHosts(shared);
    if (invocation.view.check) return checkHosts(report);
    if (invocation.view.json) printJson(report, 2);
    else print(textOf(report));
    return EXIT.done;
  });

const HEAD = ['host', 'condition', 'last seen', 'waiting', 'held', 'oldest', 'untold', 'conflicts'];

function textOf({ ledger, hosts, findings }: HostsReport): string {
  const wrong = findings.map((one) => `${findingText(one)}\n`).join('');
  if (hosts.length === 0) return wrong.trimEnd() || `no host has joined ${safeText(ledger)} yet`;
  return `${wrong}${wrong === '' ? '' : '\n'}${tableOf(HEAD, hosts.map(cellsOf))}`;
}

const cellsOf = (of: HostReport): (string | number)[] => [
  ...[of.host, of.condition, of.silent_seconds < 2 ? 'now' : `${shownSeconds(of.silent_seconds)} ago`],
  ...[of.waiting ?? '-', of.held ?? '-', of.oldest_seconds ? shownSeconds(of.oldest_seconds) : '-'],
  ...[of.untold ?? '-', of.conflicts],
];
