/**
 * What the dashboard may change, by the same verbs as ingest-ctl: retry and discard of held files, pause and resume.
 * Guarantees: one change at a time; each in short transactions, however many files it is about; each is told to the log with
 * who asked for it.
 */
import type { Backend, JobId } from '../../queue/backend.js';
import { STAGE_NAMES } from '../config/stage-names.js';
import { discardJobs } from '../recover/discard.js';
import { heldRows } from '../status/held-list.js';
import { inBatches } from '../status/in-batches.js';
import type { Emit } from '../telemetry/emit.js';

export type Verb = 'retry' | 'discard' | 'pause' | 'resume';

export interface Asked {
  verb: Verb;
  /** Of retry and discard: these, or all that `feed` and `code` leave. */
  jobs?: readonly JobId[];
  all?: boolean;
  code?: string;
  /** `*` or undefined = all. */
  feed?: string;
  stage?: string;
  /** Who asked, for the log and the reason of a pause. */
  by: string;
}

/** What was done, in one sentence. */
export interface Done {
  files: number;
  sentence: string;
}

/** Whether a request can be carried out; a sentence where it cannot. */
export function whyNot({ verb, jobs, all = false, feed = '*', stage = '*' }: Asked, feeds: readonly string[]): string {
  if (feed !== '*' && !feeds.includes(feed)) return `${JSON.stringify(feed)} is no feed of this state.`;
  if (verb === 'pause' || verb === 'resume') {
    const known = stage === '*' || (STAGE_NAMES as readonly string[]).includes(stage);
    return known ? '' : `${JSON.stringify(stage)} is not a stage; the stages are ${STAGE_NAMES.join(', ')}.`;
  }
  if (all === (jobs !== undefined)) return 'Name either jobs, or all.';
  return '';
}

export class Acts {
  #last: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly backend: Backend,
    private readonly emit: Emit,
  ) {}

  /** Errors: those of the state. */
  do(asked: Asked): Promise<Done> {
    const mine = this.#last.then(() => this.#do(asked));
    this.#last = mine.catch(() => undefined);
    return mine;
  }

  async #do(asked: Asked): Promise<Done> {
    const done = await (asked.verb === 'pause' || asked.verb === 'resume' ? this.#gate(asked) : this.#held(asked));
    const { verb, by, feed = '*', stage = '*', code, all = false, jobs = [] } = asked;
    this.emit('operator_act', { verb, by, feed, stage, code, all, named: jobs.length, files: done.files });
    return done;
  }

  async #gate({ verb, feed = '*', stage = '*', by }: Asked): Promise<Done> {
    const gate = { feed, stage, cause: 'pause' as const, place: '' };
    const scope = `${stage === '*' ? 'Every stage' : stage} of ${feed === '*' ? 'every feed' : feed}`;
    if (verb === 'pause') {
      const isNew = await this.backend.transact((tx) => tx.closeGate({ ...gate, code: 'paused', reason: `by ${by}` }));
      return { files: 0, sentence: `${scope} ${isNew ? 'is paused' : 'was paused already'}.` };
    }
    const was = await this.backend.transact((tx) => tx.openGate(gate));
    return { files: 0, sentence: `${scope} ${was ? 'goes on' : 'was not paused'}.` };
  }

  async #held({ verb, jobs, code, feed }: Asked): Promise<Done> {
    const ids = jobs ?? this.#allHeld(code, feed === '*' ? undefined : feed);
    const act = (batch: readonly JobId[]): Promise<boolean[]> =>
      verb === 'discard'
        ? discardJobs(this.backend, batch)
        : this.backend.amendHeld(batch, (_tx, job) => ({ kind: 'advance', to: job.stage }));
    const count = await inBatches(ids, act);
    const missed = ids.length - count;
    const what = count === 1 ? '1 file' : `${count} files`;
    const rest =
      missed === 0 ? '' : `; ${missed} ${missed === 1 ? 'was' : 'were'} not held any more, or stored already`;
    const sentence =
      verb === 'discard' ? `${what} given up${rest}.` : `${what} sent through the same stage again${rest}.`;
    return { files: count, sentence };
  }

  /** Ids alone: of a hundred thousand whole jobs a small process would have no room. */
  #allHeld(code: string | undefined, feed: string | undefined): JobId[] {
    const ids: JobId[] = [];
    for (const { id } of heldRows(this.backend, { code, feed })) ids.push(id);
    return ids;
  }
}
