/**
 * Finds out whether a child still lives from what it writes into its slot of the owners file.
 * Guarantees: counts the parent's own ticks, not time: a parent that was suspended has seen none.
 * Does not: kill.
 */
import type { OwnerId, OwnerSlot } from '../../../queue/backend.js';
import { Owners } from '../../../queue/owners.js';
import { errnoOf } from '../../files/place-error.js';
import { host } from '../../linux/index.js';

/** The slot of an owner, or undefined where another has it by now, or it cannot be read. */
export type SlotReader = (ownersPath: string, owner: OwnerId) => OwnerSlot | undefined;

export interface OwnersFiles {
  slot: SlotReader;
  /** The parent's own beat, for this child of its; `isOver`: it has ended. */
  attend(ownersPath: string, owner: OwnerId, isOver?: boolean): void;
  /** Says in its slot that the owner is killed for its silence. */
  noteStall(ownersPath: string, owner: OwnerId): void;
}

/** Never closed before the process ends: one descriptor, of a file that is neither database nor -wal nor -shm. */
export function ownersFiles(): OwnersFiles {
  const opened = new Map<string, Owners>();
  const { bootMs } = host();
  const at = <T>(path: string, act: (owners: Owners) => T): T | undefined => {
    try {
      const owners = opened.get(path) ?? new Owners(host(), path);
      opened.set(path, owners);
      return act(owners);
    } catch (error) {
      // Its folder has gone: no beat can be read. The children see that too, and end with a sentence.
      if (errnoOf(error) !== undefined) return undefined;
      throw error;
    }
  };
  return {
    slot: (path, owner) =>
      at(path, (owners) => {
        const slot = owners.slot(owner);
        return slot?.owner === owner ? slot : undefined;
      }),
    attend: (path, owner, isOver = false) => at(path, (owners) => owners.attend(owner, isOver ? undefined : bootMs())),
    noteStall: (path, owner) => at(path, (owners) => owners.noteStall(owner)),
  };
}

export class Beats {
  #quietTicks = 0;
  #last: number | undefined;

  constructor(
    private readonly tickMs: number,
    private readonly stallMs: number,
  ) {}

  /** One tick of the parent. `beat` is undefined while the child starts up, which may take no longer. */
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

/** Often enough to be on time by a twentieth, never a load. */
export const tickMsOf = (stallMs: number): number => Math.min(Math.max(stallMs / 20, 50), 1_000);
