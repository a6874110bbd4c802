/**
 * A host as the protocol of the shared ledger sees one: a ledger of its own, processes that ask, record, store and tell, and that
 * die between any two of these. What it records is a map; what it asks is a real PostgreSQL.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { type Answer, ask } from '../../src/fleet/ask.js';
import { SharedConnection } from '../../src/fleet/connection.js';
import { SharedError } from '../../src/fleet/errors.js';
import { enterHost, joinHost } from '../../src/fleet/hosts.js';
import { carriedBy, takeOver, tellReleased, tellStored } from '../../src/fleet/tell.js';

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

export const keyOf = (sha256: Buffer, generation: number): string => `${sha256.toString('hex')} ${generation}`;

export class SimulatedHost {
  readonly id = randomUUID();
  /** Survives everything. */
  readonly ledger = new Map<string, LocalContent>();
  readonly outbox: Untold[] = [];
  readonly shared: SharedConnection;
  #incarnation = 0n;
  #process = 0n;

  constructor(
    readonly name: string,
    url: string,
  ) {
    this.shared = new SharedConnection(url);
  }

  async join(): Promise<void> {
    await again(() => joinHost(this.shared, { id: this.id, name: this.name, machine: 'm', boot: 'b' }));
    await this.start();
  }

  /** A new process; the one before has died with what it had in flight. */
  async start(): Promise<void> {
    this.#process++;
    const me = { id: this.id, machine: 'm', boot: String(this.#process) };
    this.#incarnation = await again(() => enterHost(this.shared, me, this.#incarnation));
    await again(() => this.#sweep());
  }

  /** Rows that a process left which died before it recorded them: no job of this host may ever ask for them again. */
  async #sweep(): Promise<void> {
    const known = new Set([...this.ledger.values()].map(({ claim }) => claim));
    const rows = await carriedBy(this.shared, this.id, undefined, 10_000);
    await tellReleased(
      this.shared,
      this.id,
      rows.filter(({ claim, process }) => process !== this.#process && !known.has(claim)),
    );
  }

  /** Asks, and records what is this host's; `dies`: before it has recorded it. */
  async take(
    hashes: readonly Buffer[],
    { dies = false, claims = new Map<string, string>() } = {},
  ): Promise<(Answer | undefined)[]> {
    const questions = hashes.map((sha256) => {
      const hex = sha256.toString('hex');
      if (!claims.has(hex)) claims.set(hex, randomUUID());
      return { sha256, feed: FEED, claim: claims.get(hex)!, size: 1 };
    });
    const asker = { host: this.id, incarnation: this.#incarnation, process: this.#process };
    const answers = await ask(this.shared, asker, questions);
    if (dies) return [];
    return Promise.all(
      answers.map((answer, i) => this.#record(hashes[i]!, claims.get(hashes[i]!.toString('hex'))!, answer)),
    );
  }

  async #record(sha256: Buffer, claim: string, answer: Answer): Promise<Answer | undefined> {
    const carry = (generation: number): void => {
      const content: LocalContent = { sha256, generation, claim, state: 'carried', ingestId: claim };
      this.ledger.set(keyOf(sha256, generation), content);
    };
    if (answer.kind === 'mine') {
      carry(answer.generation);
      return answer;
    }
    if (answer.kind !== 'own' || answer.state === 'stored' || this.ledger.has(keyOf(sha256, answer.generation)))
      return answer;
    // Its ledger does not know the row, and whoever asked is dead: there is one process at a time here.
    const left = { sha256, feed: FEED, generation: answer.generation, claim: answer.claim };
    if (!(await takeOver(this.shared, this.id, left, { claim, process: this.#process }))) return undefined;
    carry(answer.generation);
    return { kind: 'mine', generation: answer.generation };
  }

  store(content: LocalContent): void {
    content.state = 'stored';
    this.outbox.push({ ...content, what: 'stored' });
  }

  giveUp(content: LocalContent): void {
    this.ledger.delete(keyOf(content.sha256, content.generation));
    this.outbox.push({ ...content, what: 'released' });
  }

  carried = (): LocalContent[] => [...this.ledger.values()].filter(({ state }) => state === 'carried');

  /** In the order in which it happened. Answers what another host has. */
  async tell(): Promise<number> {
    let conflicts = 0;
    while (this.outbox.length > 0) {
      const { what, ...one } = this.outbox[0]!;
      const told = { ...one, feed: FEED, process: this.#process, target: Buffer.from(one.claim), size: 1 };
      if (what === 'stored') conflicts += (await tellStored(this.shared, this.id, [told])).length;
      else await tellReleased(this.shared, this.id, [told]);
      this.outbox.shift();
    }
    return conflicts;
  }
}

/** Until the answer is known: so many times at most, which is more than a restart of the server takes. */
const TRIES = 300;

export async function again<T>(act: () => Promise<T>): Promise<T> {
  for (let left = TRIES; ; left--) {
    try {
      return await act();
    } catch (error) {
      if (!(error instanceof SharedError && error.kind === 'unknown') || left === 0) throw error;
      await pause(10);
    }
  }
}
