/**
 * What is wrong, each thing in one sentence with its cause, since when, and what to do: the first that `queue-stat` and the
 * dashboard show.
 * Guarantees: nothing that keeps a file from going on is left out (a closed gate, a hold, a stage that nobody does, a process
 * that is stopped, a writer that does not close); what passes by itself within its usual time is not told. Reads a bounded
 * number of rows, opens no file of an input, asks no place that may hang.
 * Does not: escape names for a terminal or a page; who shows them does.
 */
import { statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Gate, HeldFor, StageStats } from '../../queue/backend.js';
import type { QueueView } from '../../queue/index.js';
import { CATALOGUE } from '../errors.js';
import { ON_TRIAL } from '../gates/episode.js';
import { ADVICE, notices } from '../gates/notices.js';
import { UNCHECKED } from '../ledger/unchecked.js';
import { type Finding, files, iso } from './finding.js';
import { lateFindings } from './late.js';
import { periodFindings } from './period-findings.js';
import { doesStage, isProducer, type Process } from './processes.js';
import { untoldFindings } from './untold.js';
import { whyFindings } from './why.js';

/** Less is left on the disk of the state: soon nothing can be written. */
const STATE_FREE_MIN_BYTES = 256 << 20;

export function findings(
  view: QueueView,
  statePath: string,
  stats: readonly StageStats[],
  held: readonly HeldFor[],
  processes: readonly Process[],
  nowMs?: number,
): Finding[] {
  const all = [
    ...gateFindings(view.gates(), stats, view.stages),
    ...processFindings(processes),
    ...nobodyFindings(view.stages, stats, processes),
    ...held.map(heldFinding),
    ...lateFindings(view, nowMs),
    ...whyFindings(view, nowMs),
    ...periodFindings(view, nowMs),
    ...noticeFindings(view),
    ...untoldFindings(view),
    ...roomOfState(statePath),
  ];
  return [...all.filter(({ severity }) => severity === 'stuck'), ...all.filter(({ severity }) => severity !== 'stuck')];
}

const WAIT: [string, string] = ['waits', 'wait'];

/** Jobs of these stages that are not done, held ones left out. */
function waitingIn(stats: readonly StageStats[], feed: string, stages: readonly string[]): number {
  return stats
    .filter((one) => (feed === '*' || one.feed === feed) && (stages.includes('*') || stages.includes(one.stage)))
    .reduce((sum, { ready, deferred, claimed, waiting }) => sum + ready + deferred + claimed + waiting, 0);
}

/** One finding a trouble, although it may close several stages. */
function gateFindings(gates: readonly Gate[], stats: readonly StageStats[], order: readonly string[]): Finding[] {
  const troubles = new Map<string, Gate[]>();
  for (const gate of gates) {
    if (gate.stage === ON_TRIAL) continue;
    const { feed, cause, place, code } = gate;
    const of = JSON.stringify(cause === 'pause' ? [feed, cause, gate.stage] : [feed, cause, place, code]);
    troubles.set(of, [...(troubles.get(of) ?? []), gate]);
  }
  return [...troubles.values()].map((same) => {
    const [{ feed, cause, place, code, reason }] = same as [Gate];
    const stages = same.map(({ stage }) => stage).sort((a, b) => order.indexOf(a) - order.indexOf(b));
    const sinceMs = Math.min(...same.map((gate) => gate.sinceMs));
    const where = `${stages.includes('*') ? 'every stage' : stages.join(' and ')} of ${feed === '*' ? 'every feed' : feed}`;
    const count = waitingIn(stats, feed, stages);
    const isPause = cause === 'pause';
    const isCheck = code === UNCHECKED;
    return {
      code,
      severity: isCheck || (isPause && count === 0) ? 'notice' : 'stuck',
      feed,
      stage: stages.join(','),
      what: place,
      files: count,
      sentence: isPause
        ? `${where} is paused (${reason}); ${files(count, WAIT)}.`
        : `${where} is closed, ${code} at the ${place}: ${reason}; ${files(count, WAIT)}.`,
      release: isPause
        ? `ingest-ctl resume${stages.includes('*') ? '' : ` ${stages[0]}`}${feed === '*' ? '' : ` --feed ${feed}`}`
        : isCheck
          ? CATALOGUE[code]!.hint
          : 'repair it; it is looked at again and again, and goes on by itself',
      since: iso(sinceMs),
    };
  });
}

function processFindings(processes: readonly Process[]): Finding[] {
  return processes.flatMap((one) => {
    if (one.condition !== 'stopped' && one.condition !== 'silent') return [];
    const { title, pid, quiet_seconds: quiet, place, parent_stopped: parent } = one;
    const where = place === '' ? '' : `, at the ${place}`;
    const isStopped = one.condition === 'stopped';
    const how = isStopped
      ? `is stopped${parent ? ', and so is its parent' : ''} (SIGSTOP, or a debugger)`
      : `has given no sign of life for ${quiet} s${where}`;
    return {
      code: isStopped ? 'process_stopped' : 'process_silent',
      severity: 'stuck' as const,
      ...{ feed: '*', stage: '*', what: String(pid), files: 0 },
      sentence: `The process "${title}" (pid ${pid}) ${how}; what it has in hand waits for it.`,
      release: isStopped
        ? `kill -CONT ${pid}${parent ? ' and its parent' : ''}, or kill -KILL: its files are given to others then`
        : 'its parent kills it when --stall-seconds are over; where it has none: kill it',
      since: null,
    };
  });
}

function nobodyFindings(
  stages: readonly string[],
  stats: readonly StageStats[],
  processes: readonly Process[],
): Finding[] {
  const living = processes.filter(({ alive }) => alive);
  const all = waitingIn(stats, '*', ['*']);
  const none = (code: string, stage: string, count: number, sentence: string, release: string): Finding => ({
    ...{ code, severity: count > 0 ? 'stuck' : 'notice', feed: '*', stage, files: count },
    ...{ sentence, release, since: null },
  });
  const works = ({ title }: Process) => isProducer(title) || stages.some((stage) => doesStage(title, stage));
  if (!living.some(works)) {
    const wait = all > 0 ? `; ${files(all, WAIT)}` : ', and nothing waits';
    return [none('nobody', '*', all, `No process is at work on this state${wait}.`, 'start ingest')];
  }
  const missing = stages.filter((stage) => !living.some(({ title }) => doesStage(title, stage)));
  const found = missing.map((stage) => {
    const count = waitingIn(stats, '*', [stage]);
    const sentence = `No process does ${stage}; ${files(count, ['waits there', 'wait there'])}.`;
    return none('no_worker', stage, count, sentence, `start ingest-worker --stage ${stage}, or look why it ended`);
  });
  if (!living.some(({ title }) => isProducer(title))) {
    const sentence = 'No process watches the inputs: new files are not noticed.';
    found.push(none('no_producer', '*', 0, sentence, 'start ingest (or ingest-producer)'));
  }
  return found;
}

function heldFinding({ feed, stage, code, jobs, oldest }: HeldFor): Finding {
  const path = oldest.key.toString('utf8');
  const which = jobs === 1 ? path : `the first of them ${path}`;
  return {
    ...{ code, severity: 'stuck' as const, feed, stage, files: jobs },
    sentence: `${files(jobs, ['is', 'are'])} held in ${stage} of ${feed} (${code}), ${which}: ${oldest.reason}.`,
    release: CATALOGUE[code]?.hint ?? 'ingest-ctl retry, or ingest-ctl discard.',
    since: iso(oldest.updatedAtMs),
  };
}

function noticeFindings(view: QueueView): Finding[] {
  return notices(view).map(({ feed, code, what, reason, sinceMs }) => ({
    ...{ code, severity: code === 'input_missing' ? ('stuck' as const) : ('notice' as const), feed, stage: '*' },
    ...{ what, files: 0, sentence: reason, release: ADVICE[code], since: iso(sinceMs) },
  }));
}

/** A state lies on a local disk, so this does not hang. */
function roomOfState(statePath: string): Finding[] {
  const { bavail, bsize } = statfsSync(dirname(statePath));
  const free = bavail * bsize;
  if (free >= STATE_FREE_MIN_BYTES) return [];
  return [
    {
      ...{ code: 'state_full', severity: 'stuck', feed: '*', stage: '*', files: 0 },
      sentence: `The disk of the state (${dirname(statePath)}) has ${Math.floor(free / 2 ** 20)} MiB left: nothing goes on when it is full.`,
      release: CATALOGUE.state_full!.hint,
      since: null,
    },
  ];
}
