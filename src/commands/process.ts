/**
 * ingest-ctl process: runs a chain on a file and shows what would come of it, without a queue.
 * Guarantees: writes nothing but a directory of its own below that for temporary files, which it removes.
 * Output: the counts, then each output with its first lines; or the sentence with which the file would be held (exit code 4).
 */
import { closeSync, mkdtempSync, openSync, readSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { chainOf } from '../base/config/feeds.js';
import type { Invocation } from '../base/config/read.js';
import type { ProcessOptions } from '../base/config/values/process.js';
import { EnvironmentError, EXIT, OperatorError } from '../base/errors.js';
import { safeText } from '../base/telemetry/safe.js';
import { loadModule } from '../process/chain/module.js';
import { Unloadable } from '../process/formats/fault.js';
import type { Report } from '../process/messages.js';
import { type Answer, processFile } from '../process/process-file.js';
import { askedFor, oneWord } from './ask.js';
import { print } from './console.js';

const HEAD_LINES = 4;
const HEAD_BYTES = 4_096;
const JOB = 'TRY';
const CLAIM = 1;

export async function processOne(argv: readonly string[]): Promise<number> {
  const invocation = askedFor('process', argv);
  if (!invocation) return EXIT.done;
  const given = oneWord(invocation, 'the file');
  const options = chainAsked(invocation);
  const path = resolve(given);
  const directory = mkdtempSync(join(tmpdir(), 'ingest-process-'));
  try {
    const answer = await answerTo(options, path, given, directory);
    return shown(answer, given, directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function chainAsked(invocation: Invocation): ProcessOptions {
  const { feed } = invocation.view;
  const named = invocation.feeds.filter(({ name }) => feed === undefined || name === feed);
  const names = invocation.feeds.map(({ name }) => name).join(', ');
  if (named.length === 0) throw new OperatorError('unknown_feed', `--feed must be one of ${names}, but got ${feed}.`);
  const [one] = named;
  if (named.length > 1)
    throw new OperatorError('unknown_feed', `--feed must say whose chain is meant, out of ${names}; add it.`);
  if (one!.values.process === undefined)
    throw new OperatorError(
      'missing_option',
      'ingest-ctl process needs a chain, but none was given; add --process CHAIN.yaml, or --config FILE of a feed that has one.',
    );
  return chainOf(invocation, one!.name, one!.values.process);
}

async function answerTo(options: ProcessOptions, path: string, name: string, directory: string): Promise<Answer> {
  let size: number;
  try {
    ({ size } = statSync(path));
    const module = options.module === undefined ? undefined : await loadModule(options.module);
    const place = { job: JOB, claim: CLAIM, name, size, minFreeBytes: 0 };
    const asBytes = (text: string) => Buffer.from(text).toString('latin1');
    const file = { ...place, path: asBytes(path), directory: asBytes(directory) };
    return await processFile({ options, module }, file, () => {});
  } catch (error) {
    if (error instanceof Unloadable) return { kind: 'unloadable', reason: error.message };
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return { kind: 'failed', error: error as NodeJS.ErrnoException };
  }
}

function shown(answer: Answer, name: string, directory: string): number {
  switch (answer.kind) {
    case 'done':
      showReport(answer.report, name, directory);
      return EXIT.done;
    case 'held': {
      const { code, reason, excerpt } = answer.error.fault;
      print(`held: ${code}: ${safeText(reason)}`);
      if (excerpt) print(`  ${safeText(excerpt)}`);
      return EXIT.unfinished;
    }
    case 'unloadable':
      throw new EnvironmentError('chain_unusable', `${answer.reason}.`);
    case 'no_room':
      throw new EnvironmentError('directory_unusable', `${tmpdir()} has no room for the outputs; set TMPDIR.`);
    case 'failed':
      throw new EnvironmentError(
        'directory_unusable',
        `${name} must be a file that can be read, but it cannot be processed (${answer.error.message}); check its path and permissions.`,
      );
  }
}

function showReport({ records, rejected, columns, outputs }: Report, name: string, directory: string): void {
  const shape = columns === undefined ? '' : ` of ${columns} columns`;
  print(`${safeText(name)}: ${records} records${shape}, ${rejected} rejected, ${outputs.length} outputs`);
  for (const { n, name: tag, extension, rows } of outputs) {
    print(`\n${tag}.${extension}: ${rows} ${rows === 1 ? 'record' : 'records'}`);
    for (const line of headOf(join(directory, `${JOB}.out.${n}.${CLAIM}`))) print(`  ${safeText(line)}`);
  }
}

function headOf(path: string): string[] {
  const fd = openSync(path, 'r');
  try {
    const bytes = Buffer.alloc(HEAD_BYTES);
    const text = bytes.toString('utf8', 0, readSync(fd, bytes));
    return text.split('\n', HEAD_LINES).filter((line) => line !== '');
  } finally {
    closeSync(fd);
  }
}
