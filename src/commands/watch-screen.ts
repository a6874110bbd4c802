/**
 * Text that a terminal shows again and again, on a screen of its own, until `q` or Ctrl-C.
 * Guarantees: each frame is written over the one before it, line by line, so that nothing flickers; it has the size of the terminal at
 * that moment, and a new size is drawn at once. The terminal is as before on every way out, also after a signal and an error, and while
 * the job is stopped (Ctrl-Z).
 */
import { constants } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { isatty } from 'node:tty';
import { writeAll } from '../base/telemetry/line-writer.js';
import { printRaw } from './console.js';
import { fitting, type Screen, widthOf } from './screen.js';

const STDIN = 0;
const STDOUT = 1;
const CTRL_C = '\u0003';
const CTRL_Z = '\u001a';
/** Another screen, without a cursor; and back. */
const ENTER = '\u001b[?1049h\u001b[?25l';
const LEAVE = '\u001b[?25h\u001b[?1049l';
const HOME = '\u001b[H';
const TO_END_OF_LINE = '\u001b[K';
const TO_END_OF_SCREEN = '\u001b[J';
const ENDING = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT'] as const;

/** `frame` is asked for its lines every `everyMs`, and when the size has changed. Resolves when the watcher presses `q`. */
export async function watchScreen(
  everyMs: number,
  frame: (screen: Screen) => Promise<Iterable<string>>,
): Promise<void> {
  const keys = isatty(STDIN) ? process.stdin : undefined;
  let wake = new AbortController();
  let ended = false;
  const draw = () => wake.abort();
  const enter = () => {
    keys?.setRawMode(true);
    printRaw(ENTER);
  };
  const leave = () => {
    keys?.setRawMode(false);
    try {
      writeAll(STDOUT, Buffer.from(LEAVE));
    } catch {
      // The terminal itself is gone.
    }
  };
  const die = (signal: NodeJS.Signals) => process.exit(128 + constants.signals[signal]);
  const stop = () => {
    leave();
    process.off('SIGTSTP', stop);
    // As the terminal does it: the whole job stops here, until it is continued. The kernel stops no job that no shell could continue.
    process.kill(0, 'SIGTSTP');
    process.on('SIGTSTP', stop);
    enter();
    draw();
  };
  const end = () => {
    ended = true;
    draw();
  };
  process.on('exit', leave);
  for (const signal of ENDING) process.on(signal, die);
  process.on('SIGTSTP', stop);
  process.stdout.on('resize', draw);
  keys?.on('data', (typed) => {
    if (typed.includes(CTRL_C)) die('SIGINT');
    if (typed.includes(CTRL_Z)) stop();
    if (/q/i.test(typed.toString('latin1'))) end();
  });
  enter();
  try {
    while (!ended) {
      // Before the frame is made: a key or a new size meanwhile must not be lost.
      wake = new AbortController();
      const screen = screenNow();
      // The last row stays empty: an end of line there would move the first one out.
      const lines = fitting(await frame({ ...screen, rows: screen.rows - 1 }), { ...screen, rows: screen.rows - 1 });
      printRaw(`${HOME}${lines.map((line) => cleared(line, screen.columns)).join('')}${TO_END_OF_SCREEN}`);
      await sleep(everyMs, undefined, { signal: wake.signal }).catch(() => {});
    }
  } finally {
    leave();
    process.off('exit', leave);
    process.off('SIGTSTP', stop);
    keys?.pause();
    process.stdout.off('resize', draw);
    for (const signal of ENDING) process.off(signal, die);
  }
}

/** After the last column of a row the cursor still stands on it, and clearing would take its letter. */
const cleared = (line: string, columns: number): string =>
  `${line}${line !== '' && widthOf(line) % columns === 0 ? '' : TO_END_OF_LINE}\r\n`;

/** A terminal that does not know its size is taken for the usual one. */
export const screenNow = (): Screen => ({ columns: process.stdout.columns || 80, rows: process.stdout.rows || 24 });
