/**
 * A host in the protocol of the shared ledger: it has its own ledger, and its processes ask, record, store and report, and
 * die between any two of these. Its ledger is a map; the shared ledger is a real PostgreSQL.
 */
import { randomUUID } from 'node:crypto';
import { type Answer, ask, type Question } from '../../src/fleet/ask.js';
import { rowsOf } from '../../src/fleet/compare.js';
import { SharedConnection } from '../../src/fleet/connection.js';
import { SharedError } from '../../src/fleet/errors.js';
import { enterHost, joinHost } from '../../src/fleet/hosts.js';
import { sendReleased, sendStored, takeOver } from '../../src/fleet/send.js';
import { until } from '../world/waiting.js';

export const FEED = 'orders';

/** A row of the host's own ledger, and of its outbox. */
export interface LocalContent {
  sha256: Buffer;
  generation: number;
  claim: string;
  state: 'carried' | 'stored';
  ingestId: string;
}

type Untold = LocalContent & { what: 'stored' | 'released' };

/** The steps of the protocol that a mutant may replace. */
export interface Protocol {
  ask: typeof ask;
  sendStored: typeof sendStored;
  sendReleased: typeof sendReleased;
  /** Whether a row of the host that no job asks for is kept: its ledger knows the claim. */
  keeps: (isKnown: boolean) => boolean;
  /** Whether a hash that the host has stored is asked for too. */
  asksKnown: boolean;
}

export const PRODUCT: Protocol = { ask, sendStored, sendReleased, keeps: (isKnown) => isKnown, asksKnown: true };

const REMEMBERED = 5;

export const keyOf = (sha256: Buffer, generation: number): string => `${sha256.toString('hex')} ${generation}`;

export class SimulatedHost {
  readonly id = randomUUID();
  /** Survives the death of the host's processes. */
  readonly ledger = new Map<string, LocalContent>();
  readonly outbox: Untold[] = [];
  readonly shared: SharedConnection;
  /** The job of each file that waits: it survives the processes that carry it. */
  readonly jobs = new Map<string, string>();
  #incarnation = 1n;
  #told: readonly Untold[] = [];

  constructor(
    readonly name: string,
    url: string,
    private readonly protocol: Protocol = PRODUCT,
  ) {
    this.shared = new SharedConnection(url);
  }

  async join(): Promise<void> {
    await again(() => joinHost(this.shared, { id: this.id, name: this.name, place: this.name }));
    await this.start();
  }

  /** Starts a new process. The process before has died, and its work in progress is lost. */
  async start(): Promise<void> {
    const entered = await again(() => enterHost(this.shared, { id: this.id, place: this.name }, this.#incarnation, {}));
    this.#incarnation = entered.incarnation;
    await again(() => this.#sweep());
  }

  /** Releases rows of ended jobs whose process died before it recorded them. */
  async #sweep(): Promise<void> {
    const known = new Set([...this.ledger.values()].map(({ claim }) => claim));
    const rows = await rowsOf(this.shared, this.id, 'carried', undefined, 10_000);
    const isLeft = ({ claim, job }: (typeof rows)[0]): boolean =>
      ![...this.jobs.values()].includes(job) && !this.protocol.keeps(known.has(claim));
    await sendReleased(this.shared, this.id, rows.filter(isLeft));
  }

  /** Asks, and records the contents that this host may store. `dies`: the process dies before it records them. */
  async take(hashes: readonly Buffer[], { dies = false } = {}): Promise<(Answer | undefined)[]> {
    if (this.protocol.asksKnown) return this.#ask(hashes, dies);
    const known = (sha256: Buffer): boolean => this.ledger.get(keyOf(sha256, 1))?.state === 'stored';
    const asked = await this.#ask(
      hashes.filter((sha256) => !known(sha256)),
      dies,
    );
    const duplicate = { kind: 'stored' } as Answer;
    return dies ? [] : hashes.map((sha256) => (known(sha256) ? duplicate : asked.shift()));
  }

  async #ask(hashes: readonly Buffer[], dies: boolean): Promise<(Answer | undefined)[]> {
    // The host reports the end of a content before it asks for that content again.
    if (this.outbox.some(({ sha256 }) => hashes.some((hash) => hash.equals(sha256)))) await this.tell();
    const questions = hashes.map((sha256) => {
      const hex = sha256.toString('hex');
      const job = this.jobs.get(hex) ?? randomUUID();
      this.jobs.set(hex, job);
      return { sha256, feed: FEED, claim: randomUUID(), job, size: 1 };
    });
    const asker = { host: this.id, incarnation: this.#incarnation };
    const answers = await this.protocol.ask(this.shared, asker, questions);
    if (dies) return [];
    return Promise.all(answers.map((answer, i) => this.#record(questions[i]!, answer)));
  }

  async #record({ sha256, claim, job }: Question, answer: Answer): Promise<Answer | undefined> {
    const ended = (): void => void this.jobs.delete(sha256.toString('hex'));
    const carry = (generation: number): void => {
      ended();
      const content: LocalContent = { sha256, generation, claim, state: 'carried', ingestId: claim };
      this.ledger.set(keyOf(sha256, generation), content);
    };
    if (answer.kind === 'mine') {
      carry(answer.generation);
      return answer;
    }
    if (answer.kind !== 'own' || answer.state === 'stored' || this.ledger.has(keyOf(sha256, answer.generation))) {
      if (answer.kind !== 'carried') ended();
      return answer;
    }
    // The row is missing in its ledger. A simulated host has one process at a time, and one job a content.
    const left = { sha256, feed: FEED, generation: answer.generation, claim: answer.claim };
    if (!(await takeOver(this.shared, this.id, left, { claim, job }))) return undefined;
    carry(answer.generation);
    return { kind: 'mine', generation: answer.generation };
  }

  store(content: LocalContent): void {
    content.state = 'stored';
    this.outbox.push({ ...content, what: 'stored' });
  }

  /**
   * Learns a content that was loaded by other means. The shared ledger may have a row for it that this host did not record, so
   * the host reports to the shared ledger first. Returns true if the content now belongs to this host.
   */
  async learn(sha256: Buffer): Promise<boolean> {
    const content: LocalContent = { sha256, generation: 1, claim: randomUUID(), state: 'carried', ingestId: 'learned' };
    const others = await this.protocol.sendStored(this.shared, this.id, [toldOf(content)], 'left');
    if (others.length > 0) return false;
    this.jobs.delete(sha256.toString('hex'));
    this.ledger.set(keyOf(sha256, 1), content);
    this.store(content);
    return true;
  }

  giveUp(content: LocalContent): void {
    this.ledger.delete(keyOf(content.sha256, content.generation));
    this.outbox.push({ ...content, what: 'released' });
  }

  carried = (): LocalContent[] => [...this.ledger.values()].filter(({ state }) => state === 'carried');

  /** Reports the outbox in its order. Returns the number of contents that another host has too. */
  async tell(): Promise<number> {
    let conflicts = 0;
    while (this.outbox.length > 0) {
      conflicts += await this.#tellOne(this.outbox[0]!);
      this.#told = [this.outbox.shift()!, ...this.#told].slice(0, REMEMBERED);
    }
    return conflicts;
  }

  /** Reports old rows again, as a process would that read the outbox earlier and was stopped meanwhile. */
  async tellAgain(): Promise<void> {
    for (const one of this.#told) await this.#tellOne(one);
  }

  async #tellOne({ what, ...one }: Untold): Promise<number> {
    if (what === 'stored') return (await this.protocol.sendStored(this.shared, this.id, [toldOf(one)])).length;
    await this.protocol.sendReleased(this.shared, this.id, [toldOf(one)]);
    return 0;
  }
}

const toldOf = (one: LocalContent) => ({
  ...one,
  feed: FEED,
  job: randomUUID(),
  target: Buffer.from(one.claim),
  size: 1,
});

/** Repeats `act` until its outcome is known: a restart of the server takes a second or two. */
export async function again<T>(act: () => Promise<T>): Promise<T> {
  const { answer } = await until('an answer', async () => {
    try {
      return { answer: await act() };
    } catch (error) {
      if (error instanceof SharedError && error.kind === 'unknown') return undefined;
      throw error;
    }
  });
  return answer;
}
