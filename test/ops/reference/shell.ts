/** A real shell on a terminal of its own, in which keys are typed. `script` of util-linux makes the terminal. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { PACKAGE } from '../../world/program.js';
import { DEADLINE_MS } from '../../world/waiting.js';

export const COMPLETIONS = join(PACKAGE, 'dist/completions');
/** A sentence for `skip`, where a program is not installed. */
export const missing = (program: string): string | false =>
  spawnSync('sh', ['-c', `command -v ${program}`]).status === 0 ? false : `${program} is not installed`;

/**
 * Types each line, and returns the words that its command got. `setup` is run first; it defines the commands as functions
 * that print `GOT:` and their words, and do not have `GOT:` in their text, which the terminal shows too.
 */
export async function typed(t: TestContext, shell: string, setup: string, lines: readonly string[]): Promise<string[]> {
  const home = mkdtempSync(join(tmpdir(), 'shell-'));
  t.after(() => rmSync(home, { recursive: true, force: true }));
  const env = { PATH: process.env.PATH, HOME: home, TERM: 'dumb', LC_ALL: 'C.UTF-8', COMPLETIONS };
  const child = spawn('script', ['-qec', shell, '/dev/null'], { cwd: home, env });
  const timer = setTimeout(() => child.kill('SIGKILL'), DEADLINE_MS);
  let seen = '';
  let wanted = 0;
  let wake = (): void => {};
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    seen += text;
    wake();
  });
  const ended = new Promise<never>((_, reject) => {
    child.once('close', () => reject(new Error(`${shell} ended before it got all lines:\n${seen}`)));
  });
  ended.catch(() => {});
  const got = () => [...seen.matchAll(/GOT:(.*?)\r?\n/g)].map(([, words]) => words!);
  const until = async (): Promise<void> => {
    wanted++;
    while (got().length < wanted)
      await Promise.race([
        ended,
        new Promise<void>((resolve) => {
          wake = resolve;
        }),
      ]);
  };
  try {
    child.stdin.write(`${setup}; printf 'GOT%s\\n' :ready\n`);
    await until();
    for (const line of lines) {
      child.stdin.write(`${line}\n`);
      await until();
    }
    return got().slice(1);
  } finally {
    clearTimeout(timer);
    child.kill('SIGHUP');
    child.stdin.end();
  }
}
