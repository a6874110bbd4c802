/** Keeps one meaning a word: text and comments use none of the words of test/tidy/glossary.ts. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { DOCUMENTS } from '../docs/documents.js';
import { PACKAGE } from '../world/program.js';
import { GUARDED, RULES, type Rule } from './glossary.js';
import { code, read } from './sources.js';

/** The list of the words itself has all of them. */
const RULES_FILE = 'test/tidy/glossary.ts';
/** `FOLDERS=src/linux,queue` checks these folders instead of the list. */
const guarded = process.env.FOLDERS?.split(',') ?? GUARDED;
const isGuarded = (path: string): boolean =>
  path !== RULES_FILE && guarded.some((one) => path === one || path.startsWith(`${one}/`));

/** Removes names of files, options, fields and metrics, and text in quotes: they are not words. */
const plain = (line: string): string =>
  line.replace(/`[^`]*`|"[^"]*"|“[^”]*”|\[[^\]]*\]\([^)]*\)|\]\([^)]*\)|[\w./-]*\/[\w./-]+/g, (found) =>
    found.startsWith('[') ? found.replace(/\]\(.*/, ']') : ' ',
  );

/** Parts of a template that are code: expressions, calls, members, conditions. */
const CODE = /\$\{[^}]*\}|\b[\w.]+\(|\b\w+\.\w+|[<>=?:&|] *\w+ *[?=<>&|)]/g;

/** Sentences in code: string literals with a blank, such as messages, help and names of tests, but no SQL. */
const sentences = (line: string): string =>
  [...line.matchAll(/'((?:[^'\\]|\\.)*)'|`([^`]*)`/g)]
    .map(([, one, other]) => (one ?? other)!)
    .filter((literal) => literal.includes(' '))
    .map((literal) => literal.replace(CODE, ' '))
    .filter((sentence) => !/\b(?:SELECT|UPDATE|INSERT|DELETE|CREATE|WHERE|FROM|AND)\b/.test(sentence))
    .join(' · ');

/** The comments and sentences of a source, line by line; the code itself is left out. */
function texts(lines: readonly string[]): string[] {
  let inside = false;
  return lines.map((line) => {
    const opens = /^\s*\/\*/.test(line);
    const is = inside || opens || /^\s*\/\//.test(line);
    inside = (inside || opens) && !line.includes('*/');
    return is ? line : [/(?:^|\s)\/\/ (.*)$/.exec(line)?.[1] ?? '', sentences(line)].join(' ');
  });
}

/** A dangling clause opens a comment, so the line before must not be part of the same one. */
function opensComment(lines: readonly string[], at: number): boolean {
  const before = lines[at - 1] ?? '';
  return (
    !/^\s*(?:\*|\/\/)/.test(lines[at]!) ||
    /^\s*(?:\/\*\*?|\*)?\s*$/.test(before) ||
    !/^\s*(?:\*|\/\*|\/\/)/.test(before)
  );
}

function found(rule: Rule, path: string, lines: readonly string[], isCode: boolean): string[] {
  if (rule.except?.test(path) || (rule.only === 'comments' && !isCode)) return [];
  return lines.flatMap((line, at) => {
    if (!rule.word.test(plain(line))) return [];
    const isSentence = /^ *[^\s*/]/.test(line) && line.startsWith(' ');
    if (rule.only === 'comments' && (isSentence || !opensComment(lines, at))) return [];
    return [`${path}:${at + 1}: ${line.trim().slice(0, 110)}`];
  });
}

for (const rule of RULES) {
  test(`the text says: ${rule.instead}`, () => {
    assert.match(rule.caught, rule.word);
    assert.doesNotMatch(plain(rule.allowed), rule.word);
    const documents = DOCUMENTS.filter(isGuarded).flatMap((path) => found(rule, path, withoutCode(path), false));
    const sources = code
      .filter(({ path }) => isGuarded(path))
      .flatMap(({ path, lines }) => found(rule, path, texts(lines), true));
    const all = [...documents, ...sources];
    assert.deepEqual(all, [], `instead of ${rule.word}: ${rule.instead}\n  ${all.join('\n  ')}\n`);
  });
}

/** The lines of a document; those of its code blocks are empty. */
function withoutCode(path: string): string[] {
  let inside = false;
  return read(path).lines.map((line) => {
    const fence = line.startsWith('```');
    if (fence) inside = !inside;
    return fence || inside ? '' : line;
  });
}

test('every guarded path exists', () => {
  assert.deepEqual(
    GUARDED.filter((path) => !existsSync(join(PACKAGE, path))),
    [],
  );
});
