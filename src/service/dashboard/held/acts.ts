/**
 * The changes that the dashboard may make, by the same verbs as ingest-ctl: retry and discard of held files, pause and resume.
 * Guarantees: one change at a time; each in short transactions, however many files it is about; each is reported to the log
 * with who asked for it, also one that fails on the way: its error says how many files it acted on before.
 */
import type { Backend, JobId } from '../../../../queue/backend.js';
import type { Emit } from '../../../base/telemetry/emit.js';
import { type Pausing, pause, resume, type Scope, scopeText } from '../../../ingest/health/pause.js';
import { discardJobs, INSTEAD } from '../../../tools/exceptions/discard.js';
import { retryJobs, unhealed } from '../../../tools/exceptions/retry.js';
import { batchesOf } from '../../status/held-list.js';
import { type HeldFilter, heldPages } from './groups.js';

export type Verb = 'retry' | 'discard' | 'pause' | 'resume';

/** These, or all that a filter leaves. */
export type Chosen = { jobs: readonly JobId[] } | HeldFilter;

export interface HeldAsked {
  verb: 'retry' | 'discard';
  chosen: Chosen;
  /** The number that whoever asks has seen: nothing is done where there are more. */
  files?: number | undefined;
  /** The client's name, for the log and the reason of a pause. */
  by: string;
}

export interface GateAsked extends Pausing {
  verb: 'pause' | 'resume';
  scope: Scope;
  /** Resumes the pause of that scope alone, and not each one within it. */
  only: boolean;
}

export type Asked = HeldAsked | GateAsked;

export class MoreHeld extends Error {
  override readonly name = 'MoreHeld';
}

/** The result of a change, in one sentence. */
export interface Done {
  files: number;
  sentence: string;
}

export class Acts {
  #last: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly backend: Backend,
    private readonly emit: Emit,
  ) {}

  /** Errors: those of the state; OperatorError; MoreHeld. */
  do(asked: Asked): Promise<Done> {
    const mine = this.#last.then(() => this.#do(asked));
    this.#last = mine.catch(() => undefined);
    return mine;
  }

  async #do(asked: Asked): Promise<Done> {
    const report = (files: number) =>
      this.emit('operator_act', { verb: asked.verb, by: asked.by, ...aboutOf(asked), files });
    const done = await ('scope' in asked ? this.#gate(asked) : this.#held(asked, report));
    report(done.files);
    return done;
  }

  async #gate({ verb, scope, only, ...pausing }: GateAsked): Promise<Done> {
    if (verb === 'pause') {
      return { files: 0, sentence: asSentences([await pause(this.backend, scope, pausing)]) };
    }
    const { opened, left } = await resume(this.backend, { ...scope, only });
    const done =
      opened.length > 0
        ? opened.map((one) => `${scopeText(one)} is open again`)
        : [`${scopeText(scope)} was not paused`];
    return { files: 0, sentence: asSentences([...done, ...left]) };
  }

  async #held(
    { verb, chosen, files = Number.POSITIVE_INFINITY }: HeldAsked,
    report: (files: number) => void,
  ): Promise<Done> {
    const ids = 'jobs' in chosen ? chosen.jobs : await this.#allHeld(chosen);
    if (ids.length > files)
      throw new MoreHeld(`${ids.length} files are held there now, and not ${files}: none was given up.`);
    const codes = new Set<string>();
    const instead: { id: JobId; as: keyof typeof INSTEAD }[] = [];
    let count = 0;
    const said = () =>
      `${count === 1 ? '1 file' : `${count} files`} ${verb === 'discard' ? 'given up' : 'sent through the same stage again'}`;
    const act = (batch: readonly JobId[]): Promise<boolean[]> =>
      verb === 'discard'
        ? discardJobs(this.backend, batch, (id, as) => instead.push({ id, as }))
        : retryJobs(this.backend, batch, (code) => codes.add(code));
    try {
      for (const batch of batchesOf(ids)) count += (await act(batch)).filter(Boolean).length;
    } catch (error) {
      report(count);
      if (error instanceof Error) error.message = asSentences([said(), error.message]);
      throw error;
    }
    const kept = [...Map.groupBy(instead, ({ as }) => as)].map(([as, its]) => insteadText(as, its));
    const missed = ids.length - count - instead.length;
    const rest = missed === 0 ? '' : `; ${missed} ${missed === 1 ? 'was' : 'were'} not held any more`;
    return { files: count, sentence: asSentences([`${said()}${rest}`, ...kept, ...unhealed(codes)]) };
  }

  /** Ids alone: a hundred thousand whole jobs would not fit into a small process. */
  async #allHeld(filter: HeldFilter): Promise<JobId[]> {
    const ids: JobId[] = [];
    for await (const page of heldPages(this.backend, filter)) ids.push(...page.map(({ id }) => id));
    return ids;
  }
}

const insteadText = (as: keyof typeof INSTEAD, [first, ...more]: readonly { id: JobId }[]): string =>
  `${INSTEAD[as](first!.id)}${more.length === 0 ? '' : `; the same holds for ${more.length} more`}`;

const asSentences = (parts: readonly string[]): string =>
  parts.map((part) => `${part.charAt(0).toUpperCase()}${part.slice(1).replace(/\.$/, '')}.`).join(' ');

/** As the log has it. */
function aboutOf(asked: Asked): Record<string, unknown> {
  if ('scope' in asked) return { ...asked.scope };
  const { chosen } = asked;
  if ('jobs' in chosen) return { feed: '*', named: chosen.jobs.length };
  const { feed = '*', code, folder, name } = chosen;
  return { feed, all: true, code, folder, name };
}
