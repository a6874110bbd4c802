/**
 * One writer a manifest file within this process: its stages and its reaper take turns.
 * Between processes the intent's owner keeps them apart; within one, all have the same owner.
 */
const last = new Map<string, Promise<unknown>>();

/** Runs `act` when everybody who asked earlier for that file has ended. */
export async function inTurn<T>(file: string, act: () => Promise<T>): Promise<T> {
  const before = last.get(file);
  const mine = before ? before.then(act, act) : act();
  const ended = mine.catch(() => {}); // told to whoever asked
  last.set(file, ended);
  try {
    return await mine;
  } finally {
    if (last.get(file) === ended) last.delete(file);
  }
}
