/**
 * Runs a program for a message: JSON on its standard input, the text for people in `ALARM_TEXT`, the first line of the text in
 * `ALARM_SUBJECT`.
 * Guarantees: no shell. Exit code 0 means accepted. A program that takes too long is killed with its process group. The last few
 * hundred characters of its output are kept for the error. It does not get our secrets.
 */
import { spawn } from 'node:child_process';
import { safeText } from '../../base/telemetry/safe.js';
import { limits } from './limits.js';
import { documentOf, type Message } from './message.js';

const LAST_WORDS_MS = 200;
/** All that it gets of our environment: a bucket's key or a password may be in the rest. */
const KEPT = ['PATH', 'HOME', 'USER', 'LOGNAME', 'LANG', 'TZ'];

export function run([program, ...args]: readonly string[], message: Message, signal: AbortSignal): Promise<void> {
  const [subject] = message.text.split('\n');
  const env = Object.fromEntries(KEPT.map((name) => [name, process.env[name]]));
  const child = spawn(program!, args, {
    // A process group of its own, so that all of it can be ended.
    detached: true,
    cwd: '/',
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...env, ALARM_SUBJECT: subject, ALARM_TEXT: message.text },
  });
  let printed = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      printed = (printed + text).slice(-limits.answerCharsMax);
    });
  // The program may ignore its standard input.
  child.stdin.on('error', () => {});
  child.stdin.end(`${documentOf(message)}\n`);
  return new Promise((resolve, reject) => {
    const kill = () => killGroup(child.pid);
    signal.addEventListener('abort', kill, { once: true });
    if (signal.aborted) kill();
    child.on('error', reject);
    const end = (code: number | null, by: NodeJS.Signals | null) => {
      signal.removeEventListener('abort', kill);
      for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy();
      if (code === 0) resolve();
      else reject(signal.aborted ? signal.reason : new Error(failureOf(code, by, printed)));
    };
    child.on('close', end);
    // A process that it left running may keep its output open.
    child.on('exit', (code, by) => setTimeout(end, LAST_WORDS_MS, code, by));
  });
}

function killGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error; // The process has just ended.
  }
}

function failureOf(code: number | null, by: NodeJS.Signals | null, printed: string): string {
  const said = printed.trim();
  return `it ended with ${by ?? `exit code ${code}`}${said === '' ? '' : `: ${safeText(said)}`}`;
}
