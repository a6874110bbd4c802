/**
 * ingest-ctl process: runs a chain on a file and shows what would come of it, without a queue.
 * Guarantees: the chain runs in a child process with its bounds, as in the service. Writes nothing but a directory of its own below that for temporary files, which it removes.
 * Output: the counts, then each output with its first lines; or the sentence with which the file would be held (exit code 4).
 */
import { openSync, readSync, type Stats, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { FIND } from '../base/config/command-spec.js';
import { chainOf } from '../base/config/feeds.js';
import type { Invocation } from '../base/config/read.js';
import type { ProcessOptions } from '../base/config/values/process.js';
import { EnvironmentError, EXIT, OperatorError } from '../base/errors.js';
import { safeText } from '../base/telemetry/safe.js';
import { ChainChild, type FileEnd } from '../ingest/chains/child.js';
import { faultOf } from '../ingest/chains/fault.js';
import { bytesOfName, nameOfText, withFd } from '../linux/index.js';
import type { Report } from '../process/messages.js';
import { oneWord } from './ask.js';
import { print, printRaw } from './console.js';
import { oneFeedAsked, withView } from './state-view.js';
import { temporaryUnusable, withTemporary } from './temporary.js';

const HEAD_LINES = 4;
const HEAD_BYTES = 4_096;
const JOB = 'TRY';
const CLAIM = 1;

export async function processOne(invocation: Invocation): Promise<number> {
  const given = oneWord(invocation, 'the file');
  const options = await chainAsked(invocation);
  const path = resolve(given);
  return withTemporary(async (directory) => shown(await endOf(options, path, given, directory), given, directory));
}

async function chainAsked(invocation: Invocation): Promise<ProcessOptions> {
  const { feed } = invocation.view;
  // Without a file there is one chain at most, whatever its feed is called.
  const isNamed = invocation.file !== undefined && feed !== undefined;
  const named = invocation.feeds.filter(({ name }) => !isNamed || name === feed);
  const names = invocation.feeds.map(({ name }) => name).join(', ');
  if (named.length === 0) throw new OperatorError('unknown_feed', `--feed must be one of ${names}, but got ${feed}.`);
  const [one] = named;
  if (named.length > 1)
    throw new OperatorError('unknown_feed', `--feed must say whose chain is meant, out of ${names}; add it.`);
  const { process } = one!.values;
  if (process !== undefined) return chainOf(invocation, one!.name, process);
  const isOfState = invocation.file === undefined && invocation.given.some(({ option }) => FIND.includes(option));
  const recorded = isOfState
    ? await withView(invocation, (view) => oneFeedAsked(view, invocation, 'whose chain is meant').process)
    : undefined;
  if (recorded !== undefined) return recorded;
  throw new OperatorError(
    'missing_option',
    'ingest-ctl process needs a chain, but none was given; add --process CHAIN.yaml, or --config FILE or --state-path of a feed that has one.',
  );
}

/** Runs the chain in a child process, as the service does. What the module prints goes to stderr. */
async function endOf(options: ProcessOptions, path: string, name: string, directory: string): Promise<FileEnd> {
  const size = sizeOf(path, name);
  const printed = (_: unknown, text: string) => void process.stderr.write(text);
  const child = new ChainChild({ feed: '', options, printed, onEnd: () => {} });
  try {
    const reason = await child.whyUnloadable;
    if (reason !== undefined) return { kind: 'unloadable', reason };
    // A module gets the name that the service would give it for a file directly in its input.
    const place = {
      path: nameOfText(path),
      name: basename(path),
      size,
      directory: nameOfText(directory),
      minFreeBytes: 0,
    };
    return await child.run({ kind: 'file', job: JOB, claim: CLAIM, ...place });
  } finally {
    child.end();
  }
}

function sizeOf(path: string, name: string): number {
  let stat: Stats;
  try {
    stat = statSync(bytesOfName(nameOfText(path)));
  } catch (error) {
    throw unreadable(name, (error as Error).message);
  }
  if (!stat.isFile()) throw unreadable(name, 'it is no regular file');
  return stat.size;
}

const unreadable = (name: string, why: string): EnvironmentError =>
  new EnvironmentError(
    'directory_unusable',
    `${name} must be a file that can be read, but it cannot be processed (${why}); check its path and permissions.`,
  );

function shown(end: FileEnd, name: string, directory: string): number {
  switch (end.kind) {
    case 'done':
      showReport(end.report, name, directory);
      return EXIT.done;
    case 'unloadable':
    case 'refused':
      throw new EnvironmentError('chain_unusable', `${end.reason}.`);
    case 'no_room':
      throw temporaryUnusable('has no room for the outputs');
    case 'failed':
      throw unreadable(name, end.reason);
    default: {
      const { code, reason } = faultOf(end);
      print(`held: ${code}: ${safeText(reason)}`);
      return EXIT.unfinished;
    }
  }
}

function showReport(
  { records, rejected, firstRejected, columns, outputs }: Report,
  name: string,
  directory: string,
): void {
  const shape = columns === undefined ? '' : ` of ${columns} columns`;
  const first = firstRejected === undefined ? '' : ` (the first: ${safeText(firstRejected)})`;
  print(`${safeText(name)}: ${records} records${shape}, ${rejected} rejected${first}, ${outputs.length} outputs`);
  for (const { n, name: tag, extension, rows } of outputs) {
    print(`\n${tag}.${extension}: ${rows} ${rows === 1 ? 'record' : 'records'}`);
    for (const line of headOf(join(directory, `${JOB}.out.${n}.${CLAIM}`))) printRaw(`  ${safeText(line)}\n`);
  }
}

function headOf(path: string): string[] {
  const bytes = Buffer.alloc(HEAD_BYTES);
  const length = withFd(openSync(path, 'r'), (fd) => readSync(fd, bytes));
  const text = bytes.toString('utf8', 0, length);
  return text.split('\n', HEAD_LINES).filter((line) => line !== '');
}
