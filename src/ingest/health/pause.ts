/**
 * An operator's pause: a gate that stays closed until somebody resumes it. `*` stands for every stage, or every feed.
 * Guarantees: a resume opens every pause within its scope, so a resume of everything leaves none. Other causes stay closed.
 */
import type { Backend, Gate } from '../../../queue/backend.js';
import { typed } from '../../base/shell.js';

/** The code of its gate, and of the finding about it. */
export const PAUSED = 'paused';

export interface Scope {
  stage: string;
  feed: string;
}

export const scopeText = ({ stage, feed }: Scope): string =>
  `${stage === '*' ? 'every stage' : stage} of ${feed === '*' ? 'every feed' : feed}`;

/** Returns true where the gate was open before. `by`: the operator. */
export function pause(backend: Backend, scope: Scope, by: string): Promise<boolean> {
  const gate = { ...scope, cause: 'pause' as const, place: '', code: PAUSED, reason: `by ${by}` };
  return backend.transact((tx) => tx.closeGate(gate));
}

/** `left`: for each gate that still closes a part of the scope, a sentence without its full stop. */
export async function resume(backend: Backend, { stage, feed }: Scope): Promise<{ opened: Scope[]; left: string[] }> {
  const isWithin = (gate: Gate) => (stage === '*' || gate.stage === stage) && (feed === '*' || gate.feed === feed);
  const mine = backend.gates().filter((gate) => gate.cause === 'pause' && isWithin(gate));
  const opened = await backend.transact((tx) => mine.filter((gate) => tx.openGate(gate)));
  const concerns = (gate: Gate) =>
    (gate.stage === '*' || stage === '*' || gate.stage === stage) &&
    (gate.feed === '*' || feed === '*' || gate.feed === feed);
  const left = backend.gates().filter(concerns);
  return { opened, left: left.map((gate) => `${scopeText(gate)} is still closed by ${whatCloses(gate)}`) };
}

const whatCloses = (gate: Gate): string =>
  gate.cause === 'pause' ? `a pause (${resumes(gate)} opens it)` : `${gate.code}: ${gate.reason}`;

/** The command that opens it. */
export const resumes = ({ stage, feed }: Scope): string =>
  typed('ingest-ctl resume', ...(stage === '*' ? [] : [stage]), ...(feed === '*' ? [] : ['--feed', feed]));
