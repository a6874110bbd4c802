/**
 * Runs a program for a message: the JSON on its standard input, the text for people in `ALARM_TEXT`, its first line in
 * `ALARM_SUBJECT`.
 * Guarantees: no shell; told is exit code 0; who takes too long is killed with all that it started in its process group;
 * the last few hundred characters of what it prints are kept, for the error. It is not given our secrets.
 */
import { spawn } from 'node:child_process';
import { safeText } from '../../base/telemetry/safe.js';
import { limits } from './limits.js';
import { documentOf, type Message } from './message.js';

const LAST_WORDS_MS = 200;
const SECRET = /^INGEST_(NOTIFY_.*|DASHBOARD_TOKEN)$/;

export function run([program, ...args]: readonly string[], message: Message, signal: AbortSignal): Promise<void> {
  const [subject] = message.text.split('\n');
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !SECRET.test(name)));
  const child = spawn(program!, args, {
    // A group of its own, so that all of it can be ended.
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
  // It need not read what it is told.
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
    // What it left behind may keep its output open.
    child.on('exit', (code, by) => setTimeout(end, LAST_WORDS_MS, code, by));
  });
}

function killGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error; // it has just ended
  }
}

function failureOf(code: number | null, by: NodeJS.Signals | null, printed: string): string {
  const said = printed.trim();
  return `it ended with ${by ?? `exit code ${code}`}${said === '' ? '' : `: ${safeText(said)}`}`;
}
