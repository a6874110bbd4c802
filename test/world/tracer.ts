/**
 * System calls of a running process, as strace shows them.
 * Guarantees: `detach` leaves the process running; the tracer is ended by its own pid.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Program } from './program.js';
import { until } from './waiting.js';

export const canTrace = spawnSync('strace', ['-qq', '-o', '/dev/null', 'true']).status === 0;

export interface Call {
  thread: string;
  name: string;
  /** Arguments and result as strace writes them. */
  text: string;
}

export interface Tracer {
  /** Ends the trace; returns the calls since its start, in the order in which they began. */
  detach(): Promise<Call[]>;
}

/** Follows all threads of `pid`; descriptors are shown with their paths. `calls`: as after `-e trace=`. */
export async function attachTracer(directory: string, pid: number, calls: string): Promise<Tracer> {
  const log = join(directory, `trace-${pid}`);
  const strace = new Program('/usr/bin/env', [
    'strace',
    '-f',
    '-y',
    '-o',
    log,
    '-e',
    `trace=${calls}`,
    '-p',
    String(pid),
  ]);
  await until('the tracer is attached', () => strace.lines.some((line) => line.includes('attached')));
  return {
    async detach() {
      strace.kill('SIGINT');
      await strace.ended;
      return callsOf(readFileSync(log, 'latin1'));
    },
  };
}

/** A call that was interrupted by a call of another thread is in two lines, which are joined. */
export function callsOf(text: string): Call[] {
  const calls: Call[] = [];
  const unfinished = new Map<string, Call>();
  for (const line of text.split('\n')) {
    const began = /^(\d+) +(\w+)\((.*)$/.exec(line);
    const resumed = /^(\d+) +<\.\.\. \w+ resumed>(.*)$/.exec(line);
    if (began) {
      const call = { thread: began[1]!, name: began[2]!, text: began[3]! };
      calls.push(call);
      if (line.endsWith('<unfinished ...>')) unfinished.set(call.thread, call);
    } else if (resumed) {
      const call = unfinished.get(resumed[1]!);
      if (call) call.text = call.text.replace('<unfinished ...>', resumed[2]!);
      unfinished.delete(resumed[1]!);
    }
  }
  return calls;
}
