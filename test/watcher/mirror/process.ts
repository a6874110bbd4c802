/**
 * A forked process that answers each message with one, over IPC.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { DEADLINE_MS } from '../../world/waiting.js';

export class Process<To extends object, From> {
  readonly #child: ChildProcess;
  readonly #path: string;
  readonly #waiting: { resolve(answer: From): void; reject(error: Error): void }[] = [];

  constructor(path: string) {
    this.#path = path;
    this.#child = fork(path);
    this.#child.on('message', (answer: From) => this.#waiting.shift()?.resolve(answer));
    this.#child.on('exit', (code, signal) => {
      for (const { reject } of this.#waiting.splice(0)) reject(new Error(`${path} ended with ${code ?? signal}`));
    });
  }

  ask(message: To): Promise<From> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`${this.#path} did not answer to ${JSON.stringify(message)} in ${DEADLINE_MS} ms`)),
        DEADLINE_MS,
      );
      const settled =
        <T>(settle: (value: T) => void) =>
        (value: T) => {
          clearTimeout(timer);
          settle(value);
        };
      this.#waiting.push({ resolve: settled(resolve), reject: settled(reject) });
      this.#child.send(message);
    });
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async end(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.gone();
  }

  /** Resolves when it has ended, for any reason. */
  async gone(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    await new Promise((resolve) => this.#child.once('exit', resolve));
  }
}
