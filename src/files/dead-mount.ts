/**
 * Finds out whether the filesystem of a path is dead, before a process touches it: a call on a network mount whose server is gone may
 * never return, and neither does the thread that makes it, nor the end of its process.
 * Guarantees: only a child process waits for a mount, one for each. After another mount in its place, the path is asked again.
 * Does not: say whether the path is there.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { statfsSync, statSync } from 'node:fs';
import { errnoOf, SERVER_GONE, STUCK } from './place-error.js';

/** For a process that asks again later. A disk that spins up takes longer, and is used then. */
const ANSWER_MS = 2_000;
/** A disk that is only slow must be written again. */
const WRITTEN_MS = 10_000;
/** The errnos of a filesystem whose server or disk is gone. */
const DEAD: readonly (string | undefined)[] = [...SERVER_GONE, 'EIO'];

interface Asked {
  answer: Promise<unknown>;
  /** On the clock of `performance`. */
  sinceMs: number;
  child: ChildProcess | undefined;
}

const asked = new Map<string, Asked>();

const endAll = (): void => {
  for (const { child } of asked.values()) child?.kill('SIGKILL');
};

/**
 * `stuck`, or an errno; undefined: the path may be touched. `by`: questions with one text are one (mountAbove; a path with symlinks may
 * lead to any mount). `withinMs`: how long an answer may take.
 */
export async function deadMountCode(path: string, by: string, withinMs = ANSWER_MS): Promise<string | undefined> {
  const ask = () => spawn('stat', ['-f', '--', path], { stdio: 'ignore' });
  if (!(await answers(by, ask, withinMs))) return STUCK;
  try {
    statfsSync(path);
    // A disk that shut itself down (xfs) answers the question above, and EIO to all others.
    statSync(path);
    return undefined;
  } catch (error) {
    const code = errnoOf(error);
    return DEAD.includes(code) ? code : undefined;
  }
}

/**
 * False: a file cannot be written and synced within ten seconds. A filesystem that is frozen (fsfreeze), or whose disk is gone, still
 * answers what is in its caches. The file stays, and is written over. `dir`: a descriptor. `by`: as above (`mountedFd`).
 */
export function takesWrites(dir: number, name: string, by: string): Promise<boolean> {
  const operands = [`of=/proc/self/fd/3/${name}`, 'if=/dev/zero', 'bs=4096', 'count=1', 'oflag=nofollow', 'conv=fsync'];
  const write = () => spawn('dd', operands, { stdio: ['ignore', 'ignore', 'ignore', dir] });
  return answers(`write ${by}`, write, WRITTEN_MS);
}

/** False at once where an earlier question has no answer for so long. */
function answers(by: string, question: () => ChildProcess, withinMs: number): Promise<boolean> {
  const { answer, sinceMs } = asked.get(by) ?? ask(by, question);
  const leftMs = sinceMs + withinMs - performance.now();
  // The answer may have come while this process was busy.
  if (leftMs <= 0) return new Promise((resolve) => setImmediate(() => resolve(!asked.has(by))));
  return new Promise((resolve) => {
    // After what has happened meanwhile: this process may have been suspended.
    const timer = setTimeout(() => setImmediate(resolve, false), leftMs);
    void answer.then(() => {
      clearTimeout(timer);
      resolve(true);
    });
  });
}

function ask(by: string, question: () => ChildProcess): Asked {
  let child: ChildProcess | undefined;
  // An error is an answer, too. Where no such program can be started, the path is touched as before.
  const answer = new Promise((resolve) => {
    child = question();
    child.once('exit', resolve).once('error', resolve).unref();
  }).catch(() => undefined);
  const made = { answer, sinceMs: performance.now(), child };
  asked.set(by, made);
  void answer.then(() => asked.delete(by));
  process.off('exit', endAll).once('exit', endAll);
  return made;
}
