/**
 * Findings about processes that should be at work and are not, and about feeds that no producer has.
 * If processes ran as a service, their absence is *stuck*, even if no file waits: nothing notices new files. The same holds where
 * none ever came through its start. After a run with `--once` that came to its end it is a notice: the next run does the work.
 */
import type { StageStats } from '../../../queue/backend.js';
import type { QueueView } from '../../../queue/index.js';
import { stagesUsed } from '../../base/config/values/stage-names.js';
import { typed } from '../../base/shell.js';
import { type Finding, files, finding, iso, WAIT, waitingIn } from '../../ingest/health/finding.js';
import type { Process } from '../../ingest/health/processes.js';
import {
  hasEndedOnce,
  PRODUCER,
  partsOf,
  type Service,
  services,
  unservedFeeds,
} from '../../ingest/ledger/services.js';

export function absenceFindings(
  view: Pick<QueueView, 'stages' | 'feeds' | 'read' | 'countedAtMs'>,
  stats: readonly StageStats[],
  processes: readonly Process[],
): Finding[] {
  const living = processes.filter(({ alive }) => alive).flatMap(({ title }) => partsOf(title));
  const before = services(view);
  if (living.length === 0) return [nobody(view, before, waitingIn(stats, '*', ['*']))];
  const ranAs = (part: string) => before.filter(({ title }) => partsOf(title).includes(part));
  const found = used(view, stats)
    .filter((stage) => !living.includes(stage))
    .map((stage) => {
      const count = waitingIn(stats, '*', [stage]);
      const isMissed = ranAs(stage).length > 0 || (before.length > 0 && count > 0);
      return finding(isMissed ? 'stuck' : 'notice', 'no_worker', {
        stage,
        files: count,
        since: endOf(ranAs(stage)),
        sentence: `No process does ${stage}; ${files(count, ['waits there', 'wait there'])}.`,
        release: `start ingest-worker --stage ${stage}, or look why it ended`,
      });
    });
  if (living.includes(PRODUCER)) return found;
  const sentence = 'No process watches the inputs: new files are not noticed.';
  const release = 'start ingest (or ingest-producer)';
  const producers = ranAs(PRODUCER);
  return [
    ...found,
    finding(producers.length > 0 ? 'stuck' : 'notice', 'no_producer', { since: endOf(producers), sentence, release }),
  ];
}

/** A stage that no feed uses needs no process. */
const used = (view: Pick<QueueView, 'stages' | 'feeds'>, stats: readonly StageStats[]): string[] => {
  const known: readonly string[] = stagesUsed(view.feeds().map(({ options }) => options));
  return view.stages.filter((stage) => known.includes(stage) || stats.some((one) => one.stage === stage));
};

function nobody(view: Pick<QueueView, 'read' | 'countedAtMs'>, before: readonly Service[], count: number): Finding {
  const where = 'No process is at work on this state';
  if (before.length === 0 && hasEndedOnce(view)) {
    const wait = count > 0 ? `; ${files(count, WAIT)}` : ', and nothing waits';
    return finding('notice', 'nobody', { files: count, sentence: `${where}${wait}.`, release: 'start ingest' });
  }
  const { since, how } = before.length === 0 ? NEVER : endingOf(view, before);
  return finding('stuck', 'nobody', {
    files: count,
    since,
    sentence: `${where}: the service ${how}; ${files(count, WAIT)}, and new ones are not noticed.`,
    release:
      'start it again (a unit of systemd: systemctl start atomic-ingestor); the end of its log says why it ended (journalctl -u atomic-ingestor -n 20)',
  });
}

/** No service is recorded: nothing distinguishes a first start that failed from none, or from a run with `--once` that was killed. */
const NEVER = {
  since: null,
  how: 'has not started yet, its last start failed, or its last run with --once was ended before all files were done',
};

/** When processes died together, nobody saw it. Only their last writes are known. */
function endingOf(view: Pick<QueueView, 'countedAtMs'>, before: readonly Service[]): { since: string; how: string } {
  const since = endOf(before);
  if (since !== null) {
    const last = before.reduce((a, b) => (a.endedMs! > b.endedMs! ? a : b));
    return { since, how: last.ended === 'stopped' ? 'was stopped' : 'died' };
  }
  const wrote = iso(Math.max(view.countedAtMs() ?? 0, ...before.map(({ startedMs }) => startedMs)));
  return { since: wrote, how: `died; it wrote last at ${wrote}` };
}

/** When the last process ended; null while the end of one of them has not been noticed. */
function endOf(ended: readonly Service[]): string | null {
  if (ended.length === 0 || ended.some(({ endedMs }) => endedMs === null)) return null;
  return iso(Math.max(...ended.map(({ endedMs }) => endedMs!)));
}

/**
 * Feeds that the state and the running producers do not both have. A feed that was renamed in the configuration, or removed from it,
 * stays in the state until `ingest-ctl retire`. A job of a feed that the state does not have waits for ever.
 */
export function unservedFindings(
  view: Pick<QueueView, 'read' | 'isAlive' | 'owners' | 'feeds'>,
  stats: readonly StageStats[],
): Finding[] {
  const known = view.feeds().map(({ name }) => name);
  const strange = [...new Set(stats.map(({ feed }) => feed))].filter((feed) => !known.includes(feed));
  return [
    ...unservedFeeds(view).map((feed) => unserved(feed, openIn(stats, feed))),
    ...strange.map((feed) => notInState(feed, waitingIn(stats, feed, ['*']))).filter((one) => one.files > 0),
  ];
}

/** Jobs of a feed that are on the way or held. */
const openIn = (stats: readonly StageStats[], feed: string): number =>
  waitingIn(stats, feed, ['*']) + stats.reduce((sum, one) => sum + (one.feed === feed ? one.held : 0), 0);

const BACK = 'put it back into the configuration and restart';

function unserved(feed: string, count: number): Finding {
  const open = count === 0 ? '' : `${files(count, ['is', 'are'])} on the way or held, and `;
  return finding(count === 0 ? 'notice' : 'stuck', 'feed_not_served', {
    feed,
    files: count,
    sentence: `Feed ${feed} is in the state, but no running producer has it: ${open}new files are not noticed.`,
    release:
      count === 0
        ? `${BACK}, or run ${typed('ingest-ctl retire', feed)}`
        : `${BACK}; ${typed('ingest-ctl retire', feed)} gives it up when none of its files is on the way or held`,
  });
}

const notInState = (feed: string, count: number): Finding =>
  finding('stuck', 'feed_not_in_state', {
    feed,
    files: count,
    sentence: `${files(count, ['is', 'are'])} on the way in feed ${feed}, which is not in the state (it was retired): no process works on ${count === 1 ? 'it' : 'them'}.`,
    release: `${BACK}: its files go on then`,
  });
