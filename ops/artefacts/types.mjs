/** The type declarations that a library needs: each entry in dist, and every file that it names, as [path, text]. */
import { readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { PACKAGE } from './lock.mjs';

const NAMED = /(?:\bfrom|\bimport\()\s*['"](\.[^'"]+)\.js['"]/g;

export function typesOf(entries) {
  const texts = new Map();
  const visit = (path) => {
    if (texts.has(path)) return;
    const text = readFileSync(`${PACKAGE}dist/${path}`, 'utf8');
    texts.set(path, text);
    for (const [, named] of text.matchAll(NAMED)) visit(posix.join(posix.dirname(path), `${named}.d.ts`));
  };
  for (const entry of entries) visit(entry);
  return texts;
}
