/**
 * Reports owners that live (they have their lock) and give no sign of life: stopped, or hanging in a system call.
 * Guarantees: each is logged once, and once more when it is back. Rounds are counted, not time, so a process that was suspended
 * itself reports nobody.
 * Does not: kill a process or take anything away. Only a parent kills, and a claim ends only with its owner's death.
 */
import type { OwnerId, OwnerSlot } from '../../../queue/backend.js';
import { limits } from '../../../queue/limits.js';
import { firstInProgress } from '../../../queue/slot-text.js';
import type { Emit } from '../../base/telemetry/emit.js';

/** The parent acts first: if it lives, there is nothing to report. */
const MARGIN_ROUNDS = 2;

interface Watched {
  beat: number;
  rounds: number;
}

export class SilentOwners {
  readonly everyMs = limits.beatEveryMs;
  readonly #watched = new Map<OwnerId, Watched>();
  readonly #roundsMax: number;

  constructor(
    stallMs: number,
    private readonly emit: Emit,
  ) {
    this.#roundsMax = Math.ceil(stallMs / this.everyMs) + MARGIN_ROUNDS;
  }

  /** One round, every `everyMs`. */
  check(owners: readonly (OwnerSlot & { alive: boolean })[]): void {
    const living = owners.filter(({ alive }) => alive);
    for (const id of this.#watched.keys()) if (!living.some(({ owner }) => owner === id)) this.#watched.delete(id);
    for (const slot of living) this.#checkOne(slot);
  }

  #checkOne(slot: OwnerSlot): void {
    const before = this.#watched.get(slot.owner);
    if (before?.beat === slot.beat) {
      before.rounds++;
      if (before.rounds === this.#roundsMax) this.#log('worker_silent', slot, before);
      return;
    }
    if (before && before.rounds >= this.#roundsMax) this.#log('worker_back', slot, before);
    this.#watched.set(slot.owner, { beat: slot.beat, rounds: 0 });
  }

  #log(event: string, slot: OwnerSlot, { rounds }: Watched): void {
    const { owner, title, pid, place } = slot;
    const quietSeconds = Math.round((rounds * this.everyMs) / 1_000);
    this.emit(event, {
      owner,
      worker: title,
      worker_pid: pid,
      quiet_seconds: quietSeconds,
      job: firstInProgress(slot),
      place,
    });
  }
}
