/**
 * Decides whether a child still lives, by its heartbeat in its slot of the owners file.
 * Guarantees: counts the parent's own ticks, not time. A parent that was suspended has counted none.
 * Does not: kill.
 */
import type { OwnerId } from '../../../queue/backend.js';
import { Owners } from '../../../queue/owners.js';
import { errnoOf } from '../../files/place-error.js';
import { host } from '../../linux/index.js';

export type OwnersFiles = ReturnType<typeof ownersFiles>;

/** Never closed before the process ends: one descriptor, of a file that is neither database nor -wal nor -shm. */
export function ownersFiles() {
  const opened = new Map<string, Owners>();
  const { bootMs } = host();
  const at = <T>(path: string, act: (owners: Owners) => T): T | undefined => {
    try {
      const owners = opened.get(path) ?? new Owners(host(), path);
      opened.set(path, owners);
      return act(owners);
    } catch (error) {
      // The folder is gone, so no heartbeat can be read. The children see that too, and end with a sentence.
      if (errnoOf(error) !== undefined) return undefined;
      throw error;
    }
  };
  return {
    /** Undefined if another owner has it by now, or if it cannot be read. */
    slot: (path: string, owner: OwnerId) =>
      at(path, (owners) => {
        const slot = owners.slot(owner);
        return slot?.owner === owner ? slot : undefined;
      }),
    /** Writes the parent's own heartbeat for this child. `isOver`: the child has ended. */
    attend: (path: string, owner: OwnerId, isOver = false) =>
      at(path, (owners) => owners.attend(owner, isOver ? undefined : bootMs())),
    /** Records in the slot that the owner is killed because it was silent. */
    noteStall: (path: string, owner: OwnerId) => at(path, (owners) => owners.noteStall(owner)),
  };
}

export class Beats {
  #quietTicks = 0;
  #last: number | undefined;

  constructor(
    private readonly tickMs: number,
    private readonly stallMs: number,
  ) {}

  /** One tick of the parent. `beat` is undefined while the child starts. */
  tick(beat: number | undefined): 'alive' | 'stalled' {
    if (beat !== undefined && beat !== this.#last) {
      this.#last = beat;
      this.#quietTicks = 0;
      return 'alive';
    }
    this.#quietTicks++;
    return this.#quietTicks * this.tickMs >= this.stallMs ? 'stalled' : 'alive';
  }

  get quietMs(): number {
    return this.#quietTicks * this.tickMs;
  }
}

/** Precise to a twentieth of the limit, and cheap. */
export const tickMsOf = (stallMs: number): number => Math.min(Math.max(stallMs / 20, 50), 1_000);
