/**
 * How far a command is that has an end: one line that is redrawn on a terminal, elsewhere a line in ten seconds at most (an event
 * where the log is JSON).
 * Guarantees: nothing on stdout; what is done never goes back within a part.
 * Does not: know how far it is. The command says so, as often as it likes.
 */
import { isatty } from 'node:tty';
import { safeText, shownBytes, shownSeconds } from './safe.js';
import { tellProgress } from './tell.js';
import { StatusLine } from './terminal.js';

export interface Work {
  /** What is done now, in a command that does one thing after the other. */
  part?: string;
  /** What is counted, where it is no files. */
  noun?: 'rows' | 'lines' | 'names';
  files: number;
  /** Done and to do. Undefined: it is not known. */
  filesAll?: number | undefined;
  bytes: number;
  bytesAll?: number | undefined;
  /** The largest file in progress. */
  file?: FileInProgress | undefined;
  more?: readonly string[];
}

export interface FileInProgress {
  path: string;
  bytes: number;
  of: number;
}

const STDERR = 2;
const REDRAWN_MS = 250;
const PLAIN_MS = 10_000;
/** A shorter time says nothing of a speed. */
const MEASURED_MS = 1_000;

export class Progress {
  readonly #status = isatty(STDERR) ? new StatusLine() : undefined;
  readonly #speed = new Speed();
  #dueMs = performance.now() + (this.#status ? 0 : PLAIN_MS);
  #last: Work | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** `open`: the files that are being read now, for a command that waits while it reads a large one. */
  constructor(
    private readonly name: string,
    private readonly open?: () => FileInProgress[],
  ) {}

  show(work: Work): void {
    if (this.#last === undefined || this.#last.part !== work.part) {
      this.#speed.note(work, performance.now());
      if (this.#status) this.#dueMs = 0;
    }
    this.#last = work;
    // The calls draw what never waits; the timer draws while a large file is read.
    if (this.open) this.#timer ??= setInterval(() => this.#draw(), REDRAWN_MS).unref();
    this.#draw();
  }

  /** Before something else is printed. */
  clear(): void {
    this.#status?.clear();
  }

  end(): void {
    clearInterval(this.#timer);
    this.clear();
  }

  #draw(): void {
    const nowMs = performance.now();
    if (nowMs < this.#dueMs || !this.#last) return;
    this.#dueMs = nowMs + (this.#status ? REDRAWN_MS : PLAIN_MS);
    const open = (this.open?.() ?? []).sort((a, b) => b.of - a.of);
    const bytes = this.#last.bytes + open.reduce((sum, file) => sum + file.bytes, 0);
    const work = this.#speed.note({ ...this.#last, bytes, file: this.#last.file ?? open[0] }, nowMs);
    const text = workText(work, this.#speed.perSecond);
    if (this.#status) this.#status.show(text);
    else tellProgress(safeText(`${this.name}: ${text}`));
  }
}

/** The speed of the last seconds. */
class Speed {
  #part: string | undefined;
  #seen: { ms: number; amount: number }[] = [];

  /** Returns the work with at least as much done as before. */
  note(work: Work, ms: number): Work {
    const { part, bytesAll } = work;
    const before = part === this.#part ? (this.#seen.at(-1)?.amount ?? 0) : 0;
    // The time before anything is done says nothing of the speed.
    if (part !== this.#part || Math.max(before, amountOf(work)) === 0) this.#seen = [];
    this.#part = part;
    const amount = Math.max(amountOf(work), before);
    this.#seen = [...this.#seen.filter((one) => ms - one.ms <= PLAIN_MS * 1.5), { ms, amount }];
    return byBytes(work) ? { ...work, bytes: Math.min(amount, bytesAll ?? amount) } : work;
  }

  /** Bytes, or files if no byte is counted. 0: it is not known yet. */
  get perSecond(): number {
    const [first, last] = [this.#seen[0], this.#seen.at(-1)];
    const ms = first && last ? last.ms - first.ms : 0;
    return ms < MEASURED_MS ? 0 : ((last!.amount - first!.amount) * 1_000) / ms;
  }
}

const byBytes = ({ bytes, bytesAll = 0 }: Work): boolean => bytes > 0 || bytesAll > 0;
const amountOf = (work: Work): number => (byBytes(work) ? work.bytes : work.files);
const percent = (done: number, all: number): string =>
  `${all === 0 ? 0 : Math.floor((100 * Math.min(done, all)) / all)}%`;
const number = (n: number): string => n.toLocaleString('en');

function countText({ files, filesAll = files, noun }: Work): string {
  const done = filesAll === files ? '' : `${number(files)} of `;
  return `${done}${number(filesAll)} ${noun ?? (filesAll === 1 ? 'file' : 'files')}`;
}

/** `perSecond`: bytes, or files where no byte is counted; 0 if it is not known. */
export function workText(work: Work, perSecond: number): string {
  const { part, noun, files, filesAll, bytes, bytesAll, file, more = [] } = work;
  const isOfBytes = byBytes(work);
  const all = isOfBytes ? bytesAll : filesAll;
  const [done, speed] = [
    amountOf(work),
    isOfBytes ? shownBytes(Math.round(perSecond)) : `${number(Math.round(perSecond))} ${noun ?? 'files'}`,
  ];
  const left = all === undefined ? 0 : all - done;
  const parts = [
    ...(all ? [percent(done, files === filesAll ? all : Math.max(all, done + 1))] : []),
    ...(isOfBytes
      ? [bytesAll === undefined ? shownBytes(bytes) : `${shownBytes(bytes)} of ${shownBytes(bytesAll)}`]
      : []),
    countText(work),
    ...(perSecond > 0 ? [`${speed}/s`] : []),
    ...(perSecond > 0 && left > 0 ? [`${shownSeconds(left / perSecond)} left`] : []),
    ...more,
  ];
  // A narrow terminal cuts the end off: that is the end of a long name, never the time.
  const name = file ? `; ${percent(file.bytes, file.of)} of ${file.path}` : '';
  return `${part === undefined ? '' : `${part}: `}${parts.join(', ')}${name}`;
}
