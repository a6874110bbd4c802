/**
 * The preloaded library (preload.c) and the control file that it shares with the harness: the call that dies or fails, the
 * counts, and the offsets of the clocks.
 * Does not: map the file. Positioned reads and writes see the same pages.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { PACKAGE } from '../world/program.js';

export const FAULTS = ['nothing', 'kill before', 'kill after', 'fail once', 'fail from there on'] as const;
export type FaultKind = (typeof FAULTS)[number];

export const ERRORS = ['EIO', 'ENOSPC', 'EDQUOT', 'EMFILE', 'EROFS', 'EACCES'] as const;
export type ErrorName = (typeof ERRORS)[number];

export interface Fault {
  kind: FaultKind;
  /** The number of the call, from 1, over all processes. */
  at: number;
  error?: ErrorName;
  /** `at` counts only these calls: of this name, about a path with these words in it. */
  only?: { call: string; path: string };
}

export interface Call {
  number: number;
  pid: number;
  /** The phase of the process: an index that `Control.stage` was given. */
  stage: number;
  call: string;
  path: string;
  failed: boolean;
  /** The old path of a rename or link; '' for other calls. */
  from: string;
}

const BYTES = 8 << 20;
const RECORD = 1024;
const PATH = 484;
const LOG_AT = 8192;
const LOG_MAX = (BYTES - LOG_AT) / RECORD;
const FIELDS = [
  ...['enabled', 'calls', 'target', 'mode', 'error', 'hits'],
  ...['boot_ns', 'wall_ns', 'stage', 'renames', 'lies', 'lost'],
] as const;
type Field = (typeof FIELDS)[number];
const ROOTS_AT = FIELDS.length * 8 + 64 * 3 * 8;

/** Undefined where there is no gcc. */
export function compilePreload(folder: string): string | undefined {
  const library = join(folder, 'preload.so');
  const source = join(PACKAGE, 'test', 'crash', 'preload.c');
  const made = spawnSync('gcc', ['-O1', '-shared', '-fPIC', '-o', library, source, '-ldl'], { encoding: 'utf8' });
  if (made.error) return undefined;
  assert.equal(made.status, 0, made.stderr);
  return library;
}

export class Control {
  readonly #fd: number;

  /** Opens the control file; a missing one is made. */
  constructor(readonly path: string) {
    this.#fd = openSync(path, 'a+');
    closeSync(this.#fd);
    this.#fd = openSync(path, 'r+');
    ftruncateSync(this.#fd, BYTES);
  }

  /** Nothing is counted or injected any more, the clocks are right. */
  clear(): void {
    ftruncateSync(this.#fd, 0);
    ftruncateSync(this.#fd, BYTES);
  }

  /** From now on calls below `roots` count from 1. */
  arm(roots: readonly string[], { kind, at, error, only }: Fault): void {
    this.set('enabled', 0);
    const wanted = Buffer.from(`${roots.map((root) => `${root}/\0`).join('')}\0`);
    writeSync(this.#fd, wanted, 0, wanted.length, ROOTS_AT);
    const match = Buffer.alloc(24 + 104 + 8);
    match.write(only?.call ?? '', 0);
    match.write(only?.path ?? '', 24);
    writeSync(this.#fd, match, 0, match.length, ROOTS_AT + 1024);
    this.set('calls', 0);
    this.set('target', at);
    this.set('error', error === undefined ? 0 : constants.errno[error]);
    this.set('mode', FAULTS.indexOf(kind));
    this.set('enabled', 1);
  }

  /** The fault is gone; calls are counted as before. */
  lift(): void {
    this.set('mode', 0);
  }

  get(field: Field): number {
    const number = Buffer.alloc(8);
    readSync(this.#fd, number, 0, 8, FIELDS.indexOf(field) * 8);
    return Number(number.readBigInt64LE());
  }

  set(field: Field, value: number): void {
    const number = Buffer.alloc(8);
    number.writeBigInt64LE(BigInt(Math.round(value)));
    writeSync(this.#fd, number, 0, 8, FIELDS.indexOf(field) * 8);
  }

  /** The calls counted since `arm`. */
  log(): Call[] {
    const count = Math.min(this.get('calls'), LOG_MAX - 1);
    const bytes = Buffer.alloc(count * RECORD);
    readSync(this.#fd, bytes, 0, bytes.length, LOG_AT + RECORD);
    return Array.from({ length: count }, (_, i) => callAt(bytes.subarray(i * RECORD, (i + 1) * RECORD), i + 1));
  }

  close(): void {
    closeSync(this.#fd);
  }
}

function callAt(record: Buffer, number: number): Call {
  const text = (from: number, to: number) => record.toString('latin1', from, to).split('\0')[0]!;
  const int = (at: number) => Number(record.readBigInt64LE(at));
  return {
    number,
    pid: int(8),
    stage: int(16),
    failed: int(24) === 1,
    call: text(32, 56),
    path: text(56, 56 + PATH),
    from: text(56 + PATH, RECORD),
  };
}
