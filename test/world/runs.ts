/**
 * The programs of a world: started, read, stopped, killed; their log events are in one log.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type Dropped, toldBy } from './dropping.js';
import { Drops } from './drops.js';
import { EventLog, type HeardEvent } from './event-log.js';
import { type Ended, PACKAGE, Program, type StartOptions } from './program.js';
import { type Deadline, until } from './waiting.js';

export class Runs extends Drops {
  readonly log = new EventLog();
  readonly programs: Program[] = [];

  /** Starts a long-running command. */
  start(
    command: 'ingest' | 'ingest-producer' | 'ingest-worker',
    args: readonly string[] = [],
    options: StartOptions = {},
  ): Program {
    return this.launch(command, [...this.flags(command), ...args], options);
  }

  /** Runs a command to its end. `queue-stat` and `ingest-ctl` get the state after their own arguments. */
  async run(command: string, args: readonly string[] = [], options: StartOptions = {}): Promise<Ended> {
    const reads = command === 'queue-stat' || command === 'ingest-ctl';
    const all = reads ? [...args, '--state-path', this.statePath] : [...this.flags(command), ...args];
    return this.launch(command, all, options).ended;
  }

  /** `ingest --once`; asserts its exit code. */
  async runOnce(
    args: readonly string[] = [],
    { code = 0, ...options }: StartOptions & { code?: number } = {},
  ): Promise<Ended> {
    const ended = await this.run('ingest', ['--once', ...args], options);
    assert.equal(
      ended.code,
      code,
      `ingest --once ended with ${ended.code ?? ended.signal}\n${ended.stdout}${ended.stderr.slice(-4000)}`,
    );
    return ended;
  }

  /** SIGTERM to all running programs, in the order of their start; all must end with 0. */
  async stop(): Promise<void> {
    for (const program of this.programs.filter((p) => p.running)) {
      const ended = await program.stop();
      assert.equal(
        ended.code,
        0,
        `${program.command} ended with ${ended.code ?? ended.signal} after SIGTERM\n${program.tail()}`,
      );
    }
  }

  /** SIGKILL to all running programs, including children; resolves when all have ended. */
  async killAll(): Promise<void> {
    const running = this.programs.filter((p) => p.running);
    for (const program of running) program.killAll();
    await Promise.all(running.map((program) => program.ended.catch(() => {})));
  }

  event(
    name: string,
    match?: (event: HeardEvent) => unknown,
    options: Deadline & { since?: number } = {},
  ): Promise<HeardEvent> {
    return this.explained(this.log.first(name, match, options));
  }

  /**
   * Resolves when this many files were logged as ingested; default: all distinct contents that were dropped. A killed
   * program may have stored more than it logged, so after a kill wait for `allDroppedDone`.
   */
  async stored(count?: number, options: Deadline = {}): Promise<void> {
    const wanted = count ?? new Set(this.dropped.map((d) => `${d.feed} ${d.sha256}`)).size;
    const now = () => this.log.named('file_ingested').length;
    await this.explained(
      until(`${wanted} files stored`, () => now() >= wanted, { ...options, soFar: () => `${now()} were` }),
    );
  }

  /** Adds the last log lines of the programs to the error of a failed wait. */
  protected async explained<T>(wait: Promise<T>): Promise<T> {
    try {
      return await wait;
    } catch (error) {
      const logs = this.programs.filter(({ pid }) => pid > 0).map((program) => program.tail());
      throw new Error([(error as Error).message, ...logs].join('\n'), { cause: error });
    }
  }

  /** Runs a script of ops/simulate against the input and records the files that it reports as delivered. */
  async simulate(
    script: string,
    args: readonly string[] = [],
    { feed, ...options }: StartOptions & { feed?: string } = {},
  ): Promise<Dropped[]> {
    const path = join(PACKAGE, 'ops', 'simulate', script);
    const ended = await this.launch(path, [this.feed(feed).input, ...args], options).ended;
    assert.equal(ended.code, 0, `${script} ended with ${ended.code ?? ended.signal}\n${ended.stderr}`);
    const delivered = toldBy(ended.stdout, this.feed(feed).name);
    this.dropped.push(...delivered);
    return delivered;
  }

  /** Any program (a path) or command (a name of bin/), with exactly these arguments. */
  launch(command: string, args: readonly string[], options: StartOptions = {}): Program {
    const user = options.user ?? this.user;
    const env = { HOME: this.root, ...options.env };
    const program = new Program(command, args, (event) => this.log.push({ ...event, heardFrom: program.pid }), {
      ...options,
      env,
      ...(user && { user }),
    });
    this.programs.push(program);
    return program;
  }
}
