/**
 * Batches of this process that plan their lines ahead for one manifest file, one after the other: a file has one open
 * append, so who plans before the one before is written plans in vain, and its content rows are written twice (half of
 * the batches of a million files did).
 * Does not: keep anything right. Whoever waited too long plans all the same, and the append itself says that it is busy.
 */

/** Longer than an append takes, even on a busy disk; who never ends its turn costs the others this once. */
const LONGEST_MS = 1_000;

interface Turn {
  ended: Promise<void>;
  end: () => void;
}

const turns = new Map<string, Turn>();

/** Resolves when nobody else plans ahead for `file`. Whoever asked ends its turn with `endAhead`. */
export async function beginAhead(file: string): Promise<void> {
  for (let before = turns.get(file); before; before = turns.get(file)) {
    await endedOrLate(before);
    if (turns.get(file) === before) turns.delete(file);
  }
  let end = () => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  turns.set(file, { ended, end });
}

/** The lines are written, or there are none. Without a turn on that file, nothing happens. */
export function endAhead(file: string): void {
  turns.get(file)?.end();
  turns.delete(file);
}

function endedOrLate({ ended }: Turn): Promise<void> {
  return new Promise((resolve) => {
    const late = setTimeout(resolve, LONGEST_MS);
    void ended.then(() => {
      clearTimeout(late);
      resolve();
    });
  });
}
