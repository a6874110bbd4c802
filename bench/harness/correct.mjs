/**
 * Whether a run did what it was asked: every content in the warehouse once, with its bytes, and one line for each.
 * Counts what is wrong instead of failing: a peer that loses files is shown with what it lost.
 */
import { createHash } from 'node:crypto';
import { closeSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';

/** One for all files: each of its own would have the heap collected, as long as a million digests are in it. */
const block = Buffer.allocUnsafe(1 << 20);

/** `expected`: the SHA-256 of every file that was put into the input. */
export function judge(world, expected) {
  const stored = filesBelow(world.warehouse).map(digestOf);
  const lines = filesBelow(world.manifests).flatMap(digestsOfLines);
  const arrived = new Set(stored);
  const told = new Set(lines);
  const verdict = {
    stored: stored.length,
    missing: [...expected].filter((digest) => !arrived.has(digest)).length,
    wrongBytes: stored.filter((digest) => !expected.has(digest)).length,
    storedTwice: stored.length - arrived.size,
    lines: lines.length,
    withoutLine: [...expected].filter((digest) => !told.has(digest)).length,
    linesTwice: lines.length - told.size,
    leftInInput: filesBelow(world.input).length,
  };
  const { missing, wrongBytes, storedTwice, withoutLine, linesTwice, leftInInput } = verdict;
  const exact = missing + wrongBytes + storedTwice + withoutLine + linesTwice + leftInInput === 0;
  return { exact, ...verdict };
}

/** In words, for people; '' when all is right. */
export function faultsOf({ exact, stored, lines, ...faults }) {
  if (exact) return '';
  const said = Object.entries(faults).filter(([, count]) => count > 0);
  return `${stored} stored, ${lines} lines; ${said.map(([name, count]) => `${name} ${count}`).join(', ')}`;
}

/** Hidden names are the tools' own. */
export function filesBelow(directory) {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    if (entry.name.startsWith('.')) return [];
    const path = join(directory, entry.name);
    return entry.isDirectory() ? filesBelow(path) : entry.isFile() ? [path] : [];
  });
}

/** JSON lines, or what sha256sum prints. */
function digestsOfLines(path) {
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => (line.startsWith('{') ? JSON.parse(line).sha256 : line.slice(0, 64)));
}

export function digestOf(path) {
  const hash = createHash('sha256');
  const fd = openSync(path, 'r');
  for (let read = readSync(fd, block); read > 0; read = readSync(fd, block)) hash.update(block.subarray(0, read));
  closeSync(fd);
  return hash.digest('hex');
}
