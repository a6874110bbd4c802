/**
 * Alarms as rows: one row per episode of a trouble, from the check that finds it to the check that no longer does.
 * Guarantees: an episode continues through restarts of the notifier. Nothing is written while nothing changes. The table is
 * bounded; removed rows are counted for each receiver that has not got them.
 * Does not: send anything; channel.ts does, by the numbers of the changes.
 */
import type { Backend, Tx } from '../../../queue/backend.js';
import { ulidFactory } from '../../../queue/ulid.js';
import type { Clock } from './clock.js';
import { limits } from './limits.js';
import { nextChange, sendsAlarms } from './sender.js';
import { OF_PRODUCER, type Trouble } from './trouble.js';

interface Open {
  id: string;
  key: string;
  code: string;
  count: number;
  changedMs: number;
}

interface Plan {
  begin: Trouble[];
  grow: { id: string; trouble: Trouble }[];
  shrink: { id: string; trouble: Trouble }[];
  end: string[];
}

const OPEN = 'SELECT id, key, code, count, changed_ms AS changedMs FROM alarms WHERE ended_ms IS NULL';
const BEGIN = 'INSERT INTO alarms VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, ?, ?)';
const GROW = 'UPDATE alarms SET count = ?, sentence = ?, changed_ms = ?, changed = ? WHERE id = ?';
/** No news: nothing is sent, and the next growth is compared with the lower count. */
const SHRINK = 'UPDATE alarms SET count = ?, sentence = ? WHERE id = ?';
const END = 'UPDATE alarms SET ended_ms = ?, changed_ms = ?, changed = ? WHERE id = ?';
const OLDEST_ENDED = `SELECT changed FROM alarms WHERE ended_ms IS NOT NULL
  ORDER BY changed DESC LIMIT 1 OFFSET ${limits.endedKept}`;

export class Episodes {
  readonly #firstSeenMs = new Map<string, number>();
  readonly #lastSeenMs = new Map<string, number>();
  /** Since when a count was lower at each check, and the highest one since then. */
  readonly #lower = new Map<string, { sinceMs: number; most: number }>();
  /** The episodes that this process has seen itself. */
  readonly #seen = new Set<string>();
  readonly #newId: () => string;

  constructor(
    private readonly backend: Backend,
    private readonly clock: Clock,
  ) {
    this.#newId = ulidFactory(() => clock.wallMs());
  }

  /** `lookedMs`: the time of the check. `isLast`: no later check will notice that an episode is over. */
  async follow(troubles: readonly Trouble[], lookedMs: number, isLast = false): Promise<void> {
    const open = this.backend.read((rows) => rows.all<Open>(OPEN));
    const plan = this.#planOf(troubles, open, isLast);
    if (Object.values(plan).every(({ length }) => length === 0)) return;
    await this.backend.transact((tx) => {
      // The process was stopped since the check, so its troubles may be over by now.
      if (this.clock.ms() - lookedMs > limits.staleLookMs || !sendsAlarms(tx, this.backend.owner)) return;
      this.#write(tx, plan);
    });
  }

  #planOf(troubles: readonly Trouble[], open: readonly Open[], isLast: boolean): Plan {
    const nowMs = this.clock.ms();
    this.#remember(troubles, open, nowMs);
    const known = new Map(open.map((one) => [one.key, one]));
    const lasting = ({ key, graceMs }: Trouble) => nowMs - this.#firstSeenMs.get(key)! >= graceMs;
    const isOver = ({ key, code }: Open) => {
      const absentMs = OF_PRODUCER.includes(code) ? limits.absentOfProducerMs : limits.absentMs;
      return (
        nowMs - this.#lastSeenMs.get(key)! >= absentMs ||
        (isLast && !OF_PRODUCER.includes(code) && !this.#seen.has(key))
      );
    };
    const counted = troubles.flatMap((trouble) => {
      const before = known.get(trouble.key);
      return before && trouble.grows ? { trouble, before } : [];
    });
    const begin = troubles.filter((trouble) => !known.has(trouble.key) && lasting(trouble));
    return {
      begin: begin.slice(0, Math.max(0, limits.openMax - open.length)),
      grow: counted.filter(({ trouble, before }) => this.#hasGrown(trouble, before)).map(asChange),
      shrink: counted.flatMap(({ trouble, before }) => {
        const count = this.#shrunkTo(trouble, before, nowMs);
        return count === undefined ? [] : asChange({ before, trouble: { ...trouble, count } });
      }),
      end: open.filter(isOver).map(({ id }) => id),
    };
  }

  #remember(troubles: readonly Trouble[], open: readonly Open[], nowMs: number): void {
    for (const { key } of troubles) {
      if (!this.#firstSeenMs.has(key)) this.#firstSeenMs.set(key, nowMs);
      this.#lastSeenMs.set(key, nowMs);
      this.#seen.add(key);
    }
    // A process that has just begun has not seen when the trouble ended.
    for (const { key } of open) if (!this.#lastSeenMs.has(key)) this.#lastSeenMs.set(key, nowMs);
    for (const [key, seenMs] of this.#lastSeenMs) {
      if (seenMs !== nowMs) this.#firstSeenMs.delete(key);
      if (seenMs === nowMs || open.some((one) => one.key === key)) continue;
      this.#lastSeenMs.delete(key);
      this.#lower.delete(key);
      this.#seen.delete(key);
    }
  }

  #hasGrown({ count }: Trouble, before: Open): boolean {
    if (count <= before.count) return false;
    return count >= 2 * before.count || this.clock.wallMs() - before.changedMs >= limits.growAgainMs;
  }

  /** The highest count of a while: a retry of held files takes a moment, in which they are not held. */
  #shrunkTo({ key, count }: Trouble, before: Open, nowMs: number): number | undefined {
    const { sinceMs, most } = this.#lower.get(key) ?? { sinceMs: nowMs, most: count };
    const lower = { sinceMs, most: Math.max(most, count) };
    const isOver = nowMs - sinceMs >= limits.fewerAfterMs;
    if (isOver || count >= before.count) this.#lower.delete(key);
    else this.#lower.set(key, lower);
    return isOver && count < before.count ? lower.most : undefined;
  }

  #write(tx: Tx, { begin, grow, shrink, end }: Plan): void {
    const atMs = this.clock.wallMs();
    for (const trouble of begin) {
      const { key, feed, code, stage, what, count, release, sinceMs = atMs } = trouble;
      const number = nextChange(tx);
      tx.run(
        BEGIN,
        ...[this.#newId(), key, feed, code, stage, what, count, sentenceOf(trouble), release, sinceMs],
        ...[atMs, atMs, number, number],
      );
    }
    for (const { id, trouble } of grow) tx.run(GROW, trouble.count, sentenceOf(trouble), atMs, nextChange(tx), id);
    for (const { id, trouble } of shrink) tx.run(SHRINK, trouble.count, sentenceOf(trouble), id);
    for (const id of end) tx.run(END, atMs, atMs, nextChange(tx), id);
    if (end.length > 0) giveUpOldest(tx);
  }
}

const asChange = ({ trouble, before: { id } }: { trouble: Trouble; before: Open }) => ({ id, trouble });

const sentenceOf = ({ sentence }: Trouble): string => sentence.slice(0, limits.sentenceCharsMax);

/** Bounds the table while a receiver is away for weeks. */
function giveUpOldest(tx: Tx): void {
  const upTo = tx.get<{ changed: number }>(OLDEST_ENDED)?.changed;
  if (upTo === undefined) return;
  const given = 'ended_ms IS NOT NULL AND changed <= ?';
  tx.run(
    `UPDATE alarm_channels SET missed = missed + (SELECT count(*) FROM alarms WHERE ${given} AND changed > told)`,
    upTo,
  );
  tx.run(`DELETE FROM alarms WHERE ${given}`, upTo);
}
