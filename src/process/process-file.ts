/**
 * Brings one file through a chain: reads it record by record and writes its outputs.
 * Guarantees: every failure of a file is returned as a value, after its partial outputs are removed. A file that is `done` has
 * all of its outputs closed.
 * Does not: sync or hash outputs, ask for writers, or check whether the file changed meanwhile. The worker does these.
 */
import { createHash } from 'node:crypto';
import { type ProcessOptions, REJECT } from '../base/config/values/process.js';
import { Chain } from './chain/chain.js';
import { type StepsOf, stepsOf } from './chain/module.js';
import { Outputs } from './chain/outputs.js';
import { Run } from './chain/run.js';
import { Columns } from './formats/columns.js';
import { Csv } from './formats/csv.js';
import { Held, NoRoom, Unloadable, WriteError } from './formats/fault.js';
import type { Format, Row } from './formats/format.js';
import { Jsonl, Lines } from './formats/lines.js';
import { openSource, type Source } from './formats/source.js';
import { Window } from './formats/window.js';
import type { FileMessage, Report } from './messages.js';

export type Answer =
  | { kind: 'done'; report: Report }
  | { kind: 'held'; error: Held }
  | { kind: 'unloadable'; reason: string }
  | { kind: 'no_room'; free: number }
  /** `ofOutput`: the filesystem of the outputs refused a call. */
  | { kind: 'failed'; error: NodeJS.ErrnoException; ofOutput: boolean };

export interface LoadedChain {
  options: ProcessOptions;
  /** Undefined where the chain has no module. */
  module: StepsOf | undefined;
}

export interface Told {
  /** Called when the module has answered its steps, before the file is read. */
  begun?(): void;
  /** Called at least once a second while the file is processed, with the records done and the bytes read so far. */
  progress?(records: number, bytes: number): void;
}

const FORMATS: Record<ProcessOptions['format'], new (options: ProcessOptions) => Format> = {
  csv: Csv,
  jsonl: Jsonl,
  lines: Lines,
};
/** The reason for a csv that has not even a header. */
const NO_COLUMNS = new Columns([]);
const PROGRESS_MS = 1_000;
const REPORTED_HEADER_CHARS = 8_192;
const OUTPUT_FACTOR = 4;
const OUTPUT_MORE_BYTES = 1 << 30;

export async function processFile(
  chain: LoadedChain,
  file: Omit<FileMessage, 'kind'>,
  told: Told = {},
): Promise<Answer> {
  const { options } = chain;
  const run = new Run(file.name, new FORMATS[options.format](options), options);
  const bytesMax = options.outputBytesMax ?? OUTPUT_FACTOR * file.size + OUTPUT_MORE_BYTES;
  const outputs = new Outputs(run, { ...file, bytesMax });
  try {
    const report = await through(run, outputs, chain, file, told);
    return { kind: 'done', report };
  } catch (error) {
    // A step that goes on writes nothing more.
    run.fail(error);
    outputs.discard();
    return answerOf(run.failure);
  }
}

function answerOf(error: unknown): Answer {
  if (error instanceof Held) return { kind: 'held', error };
  if (error instanceof NoRoom) return { kind: 'no_room', free: error.free };
  if (error instanceof Unloadable) return { kind: 'unloadable', reason: error.message };
  if (error instanceof WriteError) {
    const { cause } = error;
    // A module that opens files until there are no more descriptors says nothing of the filesystem.
    return { kind: 'failed', error: cause, ofOutput: cause.code !== 'EMFILE' };
  }
  if (error instanceof Error && typeof (error as NodeJS.ErrnoException).code === 'string')
    return { kind: 'failed', error, ofOutput: false };
  throw error;
}

async function through(
  run: Run,
  outputs: Outputs,
  { options, module }: LoadedChain,
  file: Omit<FileMessage, 'kind'>,
  told: Told,
): Promise<Report> {
  const steps = module && stepsOf(module, { name: file.name, size: file.size }, options.module ?? 'of the chain');
  const chain = new Chain(run, outputs, steps, options.module);
  told.begun?.();
  const source = openSource({
    path: Buffer.from(file.path, 'latin1'),
    name: file.name,
    utf16: options.encoding === 'utf-16le',
    unpackedBytesMax: options.unpackedBytesMax,
  });
  let records: number;
  try {
    records = await readAll(run, chain, source, told);
  } finally {
    source.close();
  }
  await chain.end();
  if (run.failure !== undefined) throw run.failure;
  run.isOver = true;
  const rejected = rejectedWithin(run, outputs, records);
  outputs.close();
  return reportOf(run, outputs, records, rejected, extensionOf(file.name, run.format.extension));
}

/** Returns the number of records. */
async function readAll(run: Run, chain: Chain, source: Source, told: Told): Promise<number> {
  const { format, options } = run;
  const window = new Window(source, run.name, options);
  run.window = window;
  let records = 0;
  let toldMs = performance.now();
  let begun = false;
  const reportProgress = (): void => {
    const nowMs = performance.now();
    if (nowMs - toldMs < PROGRESS_MS) return;
    toldMs = nowMs;
    told.progress?.(records, source.bytesRead);
  };
  const begin = (): void => {
    begun = true;
    chain.begin(format.header?.columns ?? (options.format === 'csv' ? NO_COLUMNS : undefined));
  };
  const rows: Row[] = [];
  for (let used = 0; await window.next(used); ) {
    used = format.read(window, rows);
    if (!begun && (format.header !== undefined || options.format !== 'csv')) begin();
    for (const row of rows) {
      if (row.end - row.start > options.recordBytesMax) throw window.tooLarge(row.start);
      run.current = row;
      chain.take(row);
      if (run.pending > 0) await run.idle();
      if (run.failure !== undefined) throw run.failure;
      records++;
      // Built-in steps need less than a second for a window of records, so the clock is read once after it. A module may take hours.
      if (options.module !== undefined) reportProgress();
    }
    await chain.drain();
    // V8 collects garbage at the next await. Without this line all records of the window would still be in use there.
    rows.length = 0;
    run.current = undefined;
    run.endsOpen = window.final && window.bytes.length > 0 && window.bytes.at(-1) !== 0x0a;
    // Lets the event loop send our messages and receive those of the parent.
    await new Promise(setImmediate);
    reportProgress();
    if (window.final && used === window.bytes.length) break;
  }
  run.current = undefined;
  if (!begun) begin();
  return records;
}

function reportOf(run: Run, outputs: Outputs, records: number, rejected: number, extension: string): Report {
  const made = outputs.made.map(({ n, tag, name, rows }) => ({ n, tag, name, rows, extension }));
  const report: Report = { records, rejected, outputs: made };
  if (rejected > 0) report.firstRejected = run.firstRejected;
  const { header } = run.format;
  if (header === undefined) return report;
  const { names } = header.columns;
  report.columns = names.length;
  if (names.reduce((chars, name) => chars + name.length, 0) <= REPORTED_HEADER_CHARS) report.header = [...names];
  if (header.text !== '') {
    const line = Buffer.from(header.text.replace(/\r?\n$/, ''), 'latin1');
    report.headerSha256 = createHash('sha256').update(line).digest('hex');
  }
  return report;
}

/** The extension of the input without `.gz`: outputs are never packed. */
const extensionOf = (name: string, fallback: string): string =>
  /[^/]\.([A-Za-z0-9]{1,16})$/.exec(name.replace(/\.gz$/i, ''))?.[1] ?? fallback;

/** Returns the number of records in the output `reject`. Errors: throws `rejects_too_many` above its bound. */
function rejectedWithin(run: Run, outputs: Outputs, records: number): number {
  const rejected = outputs.made.find(({ tag }) => tag === REJECT)?.rows ?? 0;
  const max = run.options.reject?.max;
  if (max === undefined || rejected <= allowed(max, records)) return rejected;
  const first = run.firstRejected === undefined ? '' : `; the first: ${run.firstRejected}`;
  const reason = `${run.name}: ${rejected} of ${records} records are rejected, and reject.max is ${max}${first}`;
  throw new Held({ code: 'rejects_too_many', reason });
}

/** A share that is a whole number of records may come out a little below it. */
const allowed = (max: number | string, records: number): number =>
  typeof max === 'number' ? max : (Number.parseFloat(max) * records) / 100 + 1e-6;
