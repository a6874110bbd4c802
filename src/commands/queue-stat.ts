/**
 * queue-stat: what waits in which stage, from the views of the state.
 * Guarantees: results on stdout; works with all daemons down; writes no row; a snapshot is a few short reads, so that a pager
 * on its output keeps no read open (two figures may be a moment apart).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { isatty } from 'node:tty';
import type { QueueView } from '../../queue/index.js';
import type { Invocation } from '../base/config/read.js';
import { EXIT, OperatorError } from '../base/errors.js';
import { typed } from '../base/shell.js';
import { safeText } from '../base/telemetry/safe.js';
import { heartbeatsAreBack } from '../ingest/health/processes.js';
import { endNow } from '../linux/index.js';
import { FreeSpace } from '../service/figures/free-space.js';
import { oldestSeconds } from '../service/status/ages.js';
import { notAtWork } from '../service/status/process-findings.js';
import { lookAt, type Report } from '../service/status/report.js';
import { askedFor } from './ask.js';
import { checkState, orUnknown } from './check.js';
import { print, printJson, printNote, said } from './console.js';
import { hostsStat } from './hosts-stat.js';
import { screenLines } from './queue-screen.js';
import { processesTable, reportText } from './queue-text.js';
import type { Screen } from './screen.js';
import { withView } from './state-view.js';
import { screenNow, watchScreen } from './watch-screen.js';

const WATCH_MS = 1_000;
const STDOUT = 1;

export function queueStat(argv: readonly string[]): Promise<number> {
  // Before the options are read: a wrong one must not look like a service that is down.
  return argv.includes('--check') ? orUnknown(() => run(argv)) : run(argv);
}

async function run(argv: readonly string[]): Promise<number> {
  const invocation = askedFor('queue-stat', argv);
  if (!invocation) return 0;
  refuseTwoForms(invocation);
  if (invocation.view.fleet) return hostsStat(invocation);
  const { check, json, watch, processes: onlyProcesses, feed, by } = invocation.view;
  const isScreen = isatty(STDOUT);
  return withView(invocation, async (view, statePath) => {
    await heartbeatsAreBack(view);
    const space = new FreeSpace(view, statePath);
    const look = async (): Promise<Report> => {
      // Nobody waits for a place that hangs, unless its figures are shown.
      const showsPlaces = !check && !onlyProcesses && (json || asksForAll(invocation));
      const places = showsPlaces ? await space.ask() : [];
      return lookAt(view, statePath, { feed, by, places });
    };
    const show = (report: Report, screen: Screen): Iterable<string> =>
      onlyProcesses
        ? processesTable(report.workers).split('\n')
        : asksForAll(invocation)
          ? reportText(said(report)).split('\n')
          : screenLines(said(report), screen, said);
    if (watch && !json && isScreen) {
      await watchScreen(WATCH_MS, async (screen) => {
        view.checkStillOurs();
        return show(await look(), screen);
      });
      return endWith(EXIT.done, space);
    }
    for (;;) {
      const report = await look();
      if (check) return checkState(view, report, invocation.view);
      if (json) printJson(onlyProcesses ? report.workers : report, watch || onlyProcesses ? 0 : 2);
      else for (const line of show(report, isScreen ? withPrompt(screenNow()) : PIPE)) print(line);
      if (!watch) return endWith(alarm(view, report, invocation.view), space);
      await sleep(WATCH_MS);
      view.checkStillOurs();
    }
  });
}

/** The rows of the table of ages are asked for. */
const asksForAll = ({ view, given }: Invocation): boolean => view.all || given.some(({ option }) => option === 'by');

const PIPE: Screen = { columns: 80, rows: Number.POSITIVE_INFINITY };
const withPrompt = ({ columns, rows }: Screen): Screen => ({ columns, rows: rows - 1 });

/** A reader holds nothing that has to be closed. */
const endWith = (code: number, space: FreeSpace): number => (space.hangs ? endNow(code) : code);

/** --check and --fleet have forms of their own. */
function refuseTwoForms({ view, given }: Invocation): void {
  const ofState = ['watch', 'processes', 'all', 'by', 'feed', 'max-age', 'max-held'];
  const beside = view.fleet && given.find(({ option }) => ofState.includes(option))?.option;
  if (beside)
    throw new OperatorError('options_exclude', `--fleet does not go with --${beside}; leave one of the two out.`);
  if (!view.check) return;
  const other = (['json', 'watch', 'processes'] as const).find((name) => view[name]);
  if (other === undefined) return;
  throw new OperatorError(
    'options_exclude',
    `--check prints one line for a monitoring system and does not go with --${other}; leave one of the two out.`,
  );
}

/** Exit code 4 with a sentence for each bound that is passed, and for each service that should be at work and is not. */
function alarm(
  view: QueueView,
  report: Report,
  { feed, 'max-age': maxAge, 'max-held': maxHeld }: Invocation['view'],
): number {
  if (maxAge === undefined && maxHeld === undefined) return EXIT.done;
  const passed = notAtWork(report.findings).map(
    ({ sentence, since, release }) => `${safeText(sentence)} ${since === null ? '' : `Since ${since}: `}${release}`,
  );
  const held = report.stages.reduce((sum, stage) => sum + stage.held, 0);
  if (maxHeld !== undefined && held > maxHeld)
    passed.push(`${held} files are held, more than --max-held ${maxHeld}: ${typed('ingest-ctl held')} lists them`);
  const oldest = maxAge === undefined ? 0 : oldestSeconds(view, feed);
  if (maxAge !== undefined && oldest > maxAge)
    passed.push(
      `a file has been known for ${oldest} s, longer than --max-age ${maxAge}: the table of ages says in which stage`,
    );
  for (const sentence of passed) printNote(`queue-stat: ${sentence}`);
  return passed.length > 0 ? EXIT.unfinished : EXIT.done;
}
