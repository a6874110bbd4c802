/**
 * Finds out whether a child still lives from what it writes into its slot of the owners file.
 * Guarantees: counts the parent's own ticks, not time: a parent that was suspended has seen none.
 * Does not: kill.
 */
import type { OwnerId, OwnerSlot } from '../../queue/backend.js';
import { limits } from '../../queue/limits.js';
import { openLockFile, type SharedLockFile } from '../linux/index.js';

/** The slot of an owner, or undefined where another has it by now. */
export type SlotReader = (ownersPath: string, owner: OwnerId) => OwnerSlot | undefined;

/** Never closed before the process ends: one descriptor, of a file that is neither database nor -wal nor -shm. */
export function ownersFileReader(): SlotReader {
  const opened = new Map<string, SharedLockFile>();
  return (path, owner) => {
    const file = opened.get(path) ?? openLockFile(path);
    opened.set(path, file);
    const raw = file.read((owner % limits.ownersMax) * limits.ownerSlotBytes, limits.ownerSlotBytes);
    try {
      const slot = JSON.parse(raw.toString('utf8').replace(/\0[\s\S]*$/, '')) as OwnerSlot;
      return slot.owner === owner ? slot : undefined;
    } catch {
      return undefined; // torn by a write beside it; the next tick sees it whole
    }
  };
}

export class Beats {
  #quietTicks = 0;
  #last: number | undefined;

  constructor(
    private readonly tickMs: number,
    private readonly stallMs: number,
  ) {}

  /** One tick of the parent. `beatMs` is undefined while the child starts up, which may take no longer. */
  tick(beatMs: number | undefined): 'alive' | 'stalled' {
    if (beatMs !== undefined && beatMs !== this.#last) {
      this.#last = beatMs;
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
