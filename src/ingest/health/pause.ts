/**
 * An operator's pause: a gate that stays closed until somebody resumes it, or until its time is over. `*` stands for every stage, or
 * every feed.
 * Guarantees: a resume opens every pause within its scope, so a resume of everything leaves none, or that pause only. Other causes
 * stay closed. When its time is over it closes nothing, also where nobody removes its row.
 */
import type { Backend, Gate } from '../../../queue/backend.js';
import { statsUsed } from '../../base/config/values/stage-names.js';
import { typed } from '../../base/shell.js';
import type { Emit } from '../../base/telemetry/emit.js';

/** The code of its gate, and of the finding about it. */
export const PAUSED = 'paused';
/** An older pause may be forgotten: it is an alarm, whether or not a file waits for it. */
export const LONG_MS = 86_400_000;

export interface Scope {
  stage: string;
  feed: string;
}

/** The operator, the reason and the time; without `seconds` it stays until somebody resumes it. */
export interface Pausing {
  by: string;
  why?: string | undefined;
  seconds?: number | undefined;
}

export const scopeText = ({ stage, feed }: Scope): string =>
  `${stage === '*' ? 'every stage' : stage} of ${feed === '*' ? 'every feed' : feed}`;

/** `by anna: the disk is changed, until 2026-11-24T20:00:00Z` */
export const pauseText = ({ reason, untilMs }: Pick<Gate, 'reason' | 'untilMs'>): string =>
  `${reason}${untilMs === null ? '' : `, until ${untilText(untilMs)}`}`;

const untilText = (ms: number): string => new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');

/** Why there is nothing to pause: a sentence; undefined if there is. A pause of every feed is also for feeds that come later. */
export function whyNoStage(view: Pick<Backend, 'feeds' | 'stats'>, { stage, feed }: Scope): string | undefined {
  if (stage === '*' || feed === '*') return undefined;
  const its = statsUsed(view.stats(), view.feeds()).flatMap((one) => (one.feed === feed ? one.stage : []));
  if (its.includes(stage)) return undefined;
  return `${JSON.stringify(stage)} is not a stage of feed ${feed}; its stages are ${its.join(', ')}.`;
}

/** A sentence without its full stop. A pause that is there already gets the reason and the end of this one. */
export async function pause(backend: Backend, scope: Scope, { by, why, seconds }: Pausing): Promise<string> {
  const reason = `by ${by}${why === undefined ? '' : `: ${why}`}`;
  const gate = { ...scope, cause: 'pause' as const, place: '', code: PAUSED, reason };
  const [isNew, untilMs] = await backend.transact((tx) => {
    const end = seconds === undefined ? null : tx.wallMs + seconds * 1_000;
    return [tx.closeGate({ ...gate, untilMs: end }), end] as const;
  });
  const now = isNew ? 'is paused' : 'was paused already; now it is';
  return `${scopeText(scope)} ${now} ${pauseText({ reason, untilMs })}`;
}

/** Removes the rows of pauses whose time is over, and wakes who waited. Idle, it writes nothing. */
export async function openEnded(backend: Backend, emit: Emit): Promise<void> {
  if (backend.endedGates().length === 0) return;
  // Asked again inside: an operator may have paused it once more meanwhile.
  const opened = await backend.transact((tx) => tx.endedGates().filter((gate) => tx.openGate(gate)));
  for (const { feed, stage, reason } of opened) emit('pause_ended', { feed, stage, reason });
}

/** `left`: for each gate that still closes a part of the scope, a sentence without its full stop; none with `only`, whose caller shows them. */
export async function resume(
  backend: Backend,
  { stage, feed, only = false }: Scope & { only?: boolean },
): Promise<{ opened: Scope[]; left: string[] }> {
  const isWithin = (gate: Gate) =>
    ((stage === '*' && !only) || gate.stage === stage) && ((feed === '*' && !only) || gate.feed === feed);
  const mine = backend.gates().filter((gate) => gate.cause === 'pause' && isWithin(gate));
  const opened = await backend.transact((tx) => mine.filter((gate) => tx.openGate(gate)));
  const concerns = (gate: Gate) =>
    (gate.stage === '*' || stage === '*' || gate.stage === stage) &&
    (gate.feed === '*' || feed === '*' || gate.feed === feed);
  const left = only ? [] : backend.gates().filter(concerns);
  return { opened, left: left.map((gate) => `${scopeText(gate)} is still closed by ${whatCloses(gate)}`) };
}

const whatCloses = (gate: Gate): string =>
  gate.cause === 'pause' ? `a pause ${pauseText(gate)} (${resumes(gate)} opens it)` : `${gate.code}: ${gate.reason}`;

/** The command that opens it. */
export const resumes = ({ stage, feed }: Scope): string =>
  typed('ingest-ctl resume', ...(stage === '*' ? [] : [stage]), ...(feed === '*' ? [] : ['--feed', feed]));
