/**
 * One command and everything that it starts: run in its own control group, timed from exec to exit, watched.
 * Guarantees: nothing of it outlives `end()` or the benchmark, also when that is interrupted; only processes of its own are
 * signalled, by their pid.
 */
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { openGroup } from './group.mjs';
import { descendants, mb, Sampler } from './sampler.mjs';

/** Joins the groups, then becomes the command: what it costs before that is about a millisecond. */
const JOIN = 'for p in $BENCH_JOIN; do echo $$ > "$p"; done; unset BENCH_JOIN; exec "$@"';
const LAST_LINES = 15;
const living = new Set();

export class Run {
  /** Resolves to { code, signal } when the command itself has ended. */
  ended;
  #child;
  #group;
  #sampler;
  #startedMs = performance.now();
  #endedMs;
  #logPath;
  #fds = [];
  #beside;
  #waiting = new Set();
  #last = [];

  /**
   * `command`: { file, args, env, cwd }. `log`: where its output goes; `onLine`: gets each line instead.
   * `beside`: a run that is measured together with this one: its service. `sample: false`: no looks at memory, which would
   * be in the way of what is timed in this process.
   */
  constructor(command, { log, onLine, beside, stdin = 'ignore', sample = true } = {}) {
    const group = beside?.group ?? openGroup();
    this.#group = group;
    this.#beside = beside;
    this.#logPath = log;
    const out = log === undefined ? undefined : this.#fd(log);
    const [file, args] =
      group.procs.length > 0
        ? ['/bin/sh', ['-c', JOIN, 'sh', command.file, ...command.args]]
        : [command.file, command.args];
    this.#child = spawn(file, args, {
      cwd: command.cwd ?? '/',
      env: { ...cleanEnvironment(), ...command.env, BENCH_JOIN: group.procs.join(' ') },
      stdio: [stdin, out ?? 'pipe', out ?? 'pipe'],
    });
    living.add(this);
    this.#sampler = new Sampler(() => this.pids(), sample);
    for (const stream of [this.#child.stdout, this.#child.stderr])
      if (stream) createInterface({ input: stream }).on('line', (line) => this.#hear(line, onLine));
    this.ended = new Promise((resolve, reject) => {
      this.#child.once('error', reject);
      this.#child.once('exit', (code, signal) => {
        this.#endedMs = performance.now();
        resolve({ code, signal });
      });
    });
    this.ended.catch(() => {});
  }

  get group() {
    return this.#group;
  }

  /** Since it was started, until it ended. */
  get seconds() {
    return ((this.#endedMs ?? performance.now()) - this.#startedMs) / 1000;
  }

  pids() {
    const own = () => (this.#endedMs === undefined ? descendants(this.#child.pid) : []);
    return this.#group.pids() ?? [...own(), ...(this.#beside?.pids() ?? [])];
  }

  tell(text) {
    this.#child.stdin.write(text);
  }

  kill(signal) {
    if (this.#endedMs === undefined) this.#child.kill(signal);
  }

  /** CPU seconds so far, of all that belong to it. */
  cpu() {
    this.#sampler.look();
    const { userS, sysS } = this.#group.cpu() ?? this.#sampler.cpu();
    return { userS, sysS, cpuS: userS + sysS };
  }

  /** Wake-ups and written bytes so far, of those that live. */
  stirred() {
    return { wakeUps: this.#sampler.switches, writtenBytes: this.#sampler.written };
  }

  usage() {
    const { userS, sysS, cpuS } = this.cpu();
    const { processes, peakTree } = this.#sampler;
    return {
      ...{ seconds: this.seconds, cpuS, userS, sysS, cpuFrom: this.#group.cpuFrom },
      peakTreeMb: mb(peakTree),
      peakProcessMb: Math.max(0, ...processes.map(({ peakMb }) => peakMb)),
      ...(this.#group.peakWithCache() && { peakWithCacheMb: mb(this.#group.peakWithCache()) }),
      processes,
    };
  }

  /** SIGTERM and its end; SIGKILL to all of it when that takes too long. */
  async stop(withinMs = 30_000) {
    this.kill('SIGTERM');
    const timer = setTimeout(() => this.killAll(), withinMs);
    const ended = await this.ended.finally(() => clearTimeout(timer));
    return ended;
  }

  killAll() {
    for (const pid of new Set([...this.pids(), ...(this.#endedMs === undefined ? [this.#child.pid] : [])]))
      signal(pid, 'SIGKILL');
  }

  /** Whatever it left behind ends, the group goes; of one that ran beside another, that is the other's matter. */
  async end() {
    this.#sampler.stop();
    if (this.#beside === undefined) this.killAll();
    else this.kill('SIGKILL');
    await this.ended.catch(() => {});
    if (this.#beside === undefined) this.#group.close();
    for (const fd of this.#fds.splice(0)) closeSync(fd);
    living.delete(this);
  }

  /** The first line that fits, of those that come from now on. Errors: it ended, or `limitMs` passed, without one. */
  async line(fits, limitMs = 600_000) {
    let timer;
    const heard = new Promise((resolve, reject) => {
      this.#waiting.add({ fits, resolve });
      timer = setTimeout(() => reject(new Error(`not said within ${limitMs / 1000} s\n${this.tail()}`)), limitMs);
    });
    const gone = this.ended.then(({ code, signal: by }) => {
      throw new Error(`ended with ${code ?? by} before it said so\n${this.tail()}`);
    });
    return Promise.race([heard, gone]).finally(() => clearTimeout(timer));
  }

  #hear(line, onLine) {
    this.#last.push(line);
    if (this.#last.length > LAST_LINES) this.#last.shift();
    for (const waiting of this.#waiting)
      if (waiting.fits(line)) {
        this.#waiting.delete(waiting);
        waiting.resolve(line);
      }
    onLine?.(line);
  }

  tail(count = LAST_LINES) {
    if (this.#logPath === undefined) return this.#last.join('\n');
    return readFileSync(this.#logPath, 'utf8').trim().split('\n').slice(-count).join('\n');
  }

  #fd(path) {
    const fd = openSync(path, 'w');
    this.#fds.push(fd);
    return fd;
  }
}

/** It did not end by itself in its time. */
export class TooLong extends Error {}

/** Runs to its end. Errors: it failed; TooLong where it took longer than `limitMs`. Answers what `usage` does. */
export async function measured(command, { limitMs = 3_600_000, expect = [0], log, ...how } = {}) {
  const run = new Run(command, { log, ...how });
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    run.killAll();
  }, limitMs);
  try {
    const { code, signal: by } = await run.ended.finally(() => clearTimeout(timer));
    if (late) throw new TooLong(`${command.file} had not ended after ${Math.round(limitMs / 1000)} s`);
    if (!expect.includes(code)) throw new Error(`${command.file} ended with ${code ?? by}\n${run.tail()}`);
    return run.usage();
  } finally {
    await run.end();
  }
}

function signal(pid, name) {
  if (!Number.isSafeInteger(pid) || pid <= 1 || pid === process.pid) return;
  try {
    process.kill(pid, name);
  } catch {
    // it ended
  }
}

/** What the user's shell sets for the product must not reach it here. */
const cleanEnvironment = () =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(INGEST_|npm_|NODE_OPTIONS$)/.test(name)));

for (const name of ['SIGINT', 'SIGTERM'])
  process.on(name, () => {
    for (const run of living) {
      run.killAll();
      run.group.close();
    }
    process.exit(130);
  });
