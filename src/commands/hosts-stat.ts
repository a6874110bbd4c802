/** queue-stat --fleet: all hosts that share a ledger, from that ledger alone. */
import { setTimeout as sleep } from 'node:timers/promises';
import { isatty } from 'node:tty';
import type { Invocation } from '../base/config/read.js';
import { EXIT, OperatorError } from '../base/errors.js';
import { safeText, shownSeconds } from '../base/telemetry/safe.js';
import { type HostReport, type HostsReport, lookAtHosts } from '../service/status/hosts.js';
import { boundsPassed, checkHosts } from './check.js';
import { print, printJson, printNote, said } from './console.js';
import { findingText } from './queue-text.js';
import { withShared } from './shared.js';
import { tableOf } from './table.js';
import { watchScreen } from './watch-screen.js';

const WATCH_MS = 5_000;
const STDOUT = 1;

export function hostsStat(invocation: Invocation): Promise<number> {
  const { view } = invocation;
  const other = (['all', 'processes', 'feed'] as const).find((name) => view[name]);
  if (other !== undefined)
    throw new OperatorError(
      'options_exclude',
      `--fleet shows hosts and does not go with --${other}; leave one of the two out.`,
    );
  return withShared(invocation, 'queue-stat --fleet', async (shared) => {
    if (view.watch && !view.json && isatty(STDOUT)) {
      await watchScreen(WATCH_MS, async () => linesOf(said(await lookAtHosts(shared))));
      return EXIT.done;
    }
    for (;;) {
      const report = await lookAtHosts(shared);
      if (view.check) return checkHosts(report, view);
      if (view.json) printJson(report, view.watch ? 0 : 2);
      else for (const line of linesOf(report)) print(line);
      if (!view.watch) return alarm(report, view);
      await sleep(WATCH_MS);
    }
  });
}

/** Exit code 4 as for one state: a bound is passed, or something keeps files from going on. */
function alarm({ hosts, findings }: HostsReport, { 'max-age': age, 'max-held': max }: Invocation['view']): number {
  if (age === undefined && max === undefined) return EXIT.done;
  const passed = [
    ...findings.filter(({ severity }) => severity === 'stuck').map(({ sentence }) => sentence),
    ...hosts.flatMap((host) => boundsPassed(host, age, max)),
  ];
  for (const sentence of passed) printNote(safeText(`queue-stat: ${sentence}`));
  return passed.length > 0 ? EXIT.unfinished : EXIT.done;
}

const HEAD = ['host', 'condition', 'last seen', 'waiting', 'held', 'oldest', 'untold', 'conflicts'];

function linesOf({ ledger, hosts, findings }: HostsReport): string[] {
  const wrong = findings.map(findingText);
  if (hosts.length === 0 && wrong.length === 0) return [`no host has joined ${safeText(ledger ?? '')} yet`];
  const table = hosts.length === 0 ? [] : tableOf(HEAD, hosts.map(cellsOf)).split('\n');
  return [...wrong, ...(wrong.length > 0 && table.length > 0 ? [''] : []), ...table];
}

const cellsOf = (one: HostReport): (string | number)[] => [
  ...[one.host, one.condition, one.silent_seconds < 2 ? 'now' : `${shownSeconds(one.silent_seconds)} ago`],
  ...[one.waiting ?? '-', one.held ?? '-', one.oldest_age_seconds ? shownSeconds(one.oldest_age_seconds) : '-'],
  ...[one.untold ?? '-', one.conflicts],
];
