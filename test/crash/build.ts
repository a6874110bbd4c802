/**
 * The measured build: a digest of the harness's sources, its commit, and the number of changes since.
 * Does not: need git. A copy without history has the digest alone.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { PACKAGE } from '../world/program.js';

const MEASURED = ['bin', 'queue', 'src'];

export interface Build {
  digest: string;
  /** With a `+` where the measured sources are not committed. Undefined without history. */
  commit?: string;
  /** The date of the measurement, YYYY-MM-DD. */
  date: string;
}

let now: Build | undefined;

export function buildNow(): Build {
  now ??= { digest: digestOf(PACKAGE), ...commitNow(), date: new Date().toISOString().slice(0, 10) };
  return now;
}

/** Equal sources, equal digest. */
export function digestOf(root: string): string {
  const hash = createHash('sha256');
  for (const part of MEASURED) {
    const names = readdirSync(join(root, part), { recursive: true, encoding: 'utf8' });
    const files = names.filter((name) => !name.endsWith('.md') && statSync(join(root, part, name)).isFile());
    for (const file of files.sort()) hash.update(`${part}/${file}\0`).update(readFileSync(join(root, part, file)));
  }
  return hash.digest('hex').slice(0, 12);
}

function commitNow(): { commit?: string } {
  const commit = git('rev-parse', '--short=12', 'HEAD');
  if (commit === undefined) return {};
  return { commit: git('status', '--porcelain', '--', ...MEASURED) === '' ? commit : `${commit}+` };
}

/** The number of changes of the measured sources since a commit; undefined without history, `unknown` where ours does not have it. */
export function changesSince(commit: string): number | 'unknown' | undefined {
  if (git('rev-parse', '--is-shallow-repository') !== 'false') return undefined;
  const base = commit.replace('+', '');
  if (git('merge-base', '--is-ancestor', base, 'HEAD') === undefined) return 'unknown';
  return Number(git('rev-list', '--count', `${base}..HEAD`, '--', ...MEASURED));
}

/** Undefined where it fails: no git, no repository, no such commit. */
function git(...args: string[]): string | undefined {
  const { status, stdout } = spawnSync('git', ['-C', PACKAGE, ...args], { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : undefined;
}
