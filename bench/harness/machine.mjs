/** What the figures were measured on. Names no host. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import os from 'node:os';
import { digestOf } from '../../dist/test/crash/build.js';
import { PACKAGE } from './package.mjs';

export function machine(root) {
  const { model } = os.cpus()[0];
  return {
    cores: os.availableParallelism(),
    cpu: model.trim(),
    memoryGib: Math.round(os.totalmem() / 2 ** 30),
    kernel: os.release(),
    node: process.version,
    filesystem: answer('findmnt', ['-n', '-o', 'FSTYPE,OPTIONS', '-T', root]),
    commit: answer('git', ['-C', PACKAGE, 'rev-parse', '--short', 'HEAD']),
    digest: digestOf(PACKAGE),
    load: Number(readFileSync('/proc/loadavg', 'utf8').split(' ')[0]),
  };
}

function answer(file, args) {
  try {
    return execFileSync(file, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
      .trim()
      .replace(/\s+/g, ' ');
  } catch {
    return '';
  }
}
