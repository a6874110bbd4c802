/** The library `atomic-ingestor/process`: `runChain` for tests of a module, and the types of a module. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { processOf } from '../base/config/values/read-process.js';
import type { StepsOf } from './chain/module.js';
import type { Fault } from './formats/fault.js';
import { processFile } from './process-file.js';

export type { Emit, ModuleSteps, ProcessedFile, StepsOf } from './chain/module.js';
export type { Fault, HoldCode } from './formats/fault.js';

/** The value of `process` in a feed's configuration, with the module's default export in place of its path. */
export interface TestedChain {
  format: 'csv' | 'jsonl' | 'lines';
  start: string;
  steps?: Record<string, object>;
  module?: StepsOf;
  [key: string]: unknown;
}

export interface ChainResult {
  /** Without the header; 0 where the file would be held. */
  records: number;
  rejected: number;
  /** The text of each output, by its tag. */
  outputs: Record<string, string>;
  /** Why the file would be held. In that case there are no outputs. */
  held?: Fault;
}

/**
 * Runs a chain on a few records, with the same code as in the ingestor. Leaves no file. `name`: the file name that the module sees. Errors: throws a sentence if the chain or its
 * module cannot be used.
 */
export async function runChain(
  { module, ...chain }: TestedChain,
  input: string | Uint8Array,
  name = `input.${chain.format}`,
): Promise<ChainResult> {
  const options = processOf(chain, '', 'the chain', module !== undefined);
  const directory = mkdtempSync(join(tmpdir(), 'chain-'));
  try {
    const path = join(directory, basename(name));
    writeFileSync(path, input);
    const size = Buffer.byteLength(input);
    const place = { path, name, size, directory, job: 'TEST', claim: 1, minFreeBytes: 0 };
    const answer = await processFile({ options, module }, place);
    if (answer.kind === 'held') return { records: 0, rejected: 0, outputs: {}, held: answer.error.fault };
    if (answer.kind === 'no_room') throw new Error(`${directory} has no room: ${answer.free} bytes are free`);
    if (answer.kind === 'unloadable') throw new Error(answer.reason);
    if (answer.kind === 'failed') throw answer.error;
    const { records, rejected, outputs } = answer.report;
    const encoding = options.encoding === 'latin1' ? 'latin1' : 'utf8';
    const texts = outputs.map(({ n, tag }) => [tag, readFileSync(join(directory, `TEST.out.${n}.1`), encoding)]);
    return { records, rejected, outputs: Object.fromEntries(texts) };
  } finally {
    rmSync(directory, { recursive: true });
  }
}
