/**
 * The package's own text, as test/tidy.test.ts judges it: sources, their imports, their functions.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { PACKAGE } from '../world/program.js';

export interface Source {
  path: string;
  text: string;
  lines: string[];
}

const FOLDERS = ['queue', 'src', 'bin', 'test', 'ops', 'bench', 'docs'];
/** This file names hosts of other projects. */
const NOT_OURS = 'bench/package-lock.json';
export const everything: Source[] = FOLDERS.flatMap((folder) => pathsBelow(folder))
  .filter((path) => path !== NOT_OURS)
  .map(read);
export const code = everything.filter(({ path }) => /\.(ts|js|mjs)$/.test(path));
export const product = code.filter(({ path }) => /^(queue|src)\//.test(path));

function pathsBelow(folder: string): string[] {
  return readdirSync(join(PACKAGE, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return entry.name === 'node_modules' ? [] : pathsBelow(path);
    return entry.isFile() ? [path] : [];
  });
}

export function read(path: string): Source {
  const text = readFileSync(join(PACKAGE, path), 'utf8');
  return { path, text, lines: text.trimEnd().split('\n') };
}

export interface Import {
  /** Relative to the package, with .ts; or the name of a package. */
  target: string;
}

const IMPORT =
  /^(?:import|export)\s+(?:type\s+)?(?:[^'"();]*?\sfrom\s+)?['"]([^'"]+)['"]|\bimport\(\s*[`'"]([^`'"]+)[`'"]\s*\)/gm;
/** Any literal that looks like a module. Such a module is imported by a variable, or run as a process or a thread. */
const NAMED = /['"`]((?:\.{1,2}|dist)\/[^'"`$]+\.c?js)['"`]/g;

export function importsOf({ path, text }: Source): Import[] {
  return [...text.matchAll(IMPORT)].map(([, from, lazily]) => ({ target: resolved(path, (from ?? lazily)!) }));
}

/** Every module that a source names, in whatever way. */
export const modulesNamedBy = ({ path, text }: Source): string[] =>
  [...text.matchAll(NAMED)].map(([, name]) => resolved(path, name!));

const resolved = (path: string, name: string): string =>
  asSource(name.startsWith('.') ? relative(PACKAGE, resolve(PACKAGE, path, '..', name)) : name);

/** Returns the source of a module: bin/ names the output of tsc, or a bundled program. */
function asSource(target: string): string {
  const program = /^dist\/program\/([\w-]+)\.cjs$/.exec(target)?.[1];
  const source = program ? `src/programs/${program}.ts` : target.replace(/^dist\//, '').replace(/\.js$/, '.ts');
  return existsSync(join(PACKAGE, source)) ? source : target;
}

/** A list of scenarios that are tests by themselves. */
const SUITE = /^export function \w+Scenarios\(/;

/** The formatter aligns a closing brace with the line that opened it, so no parser is needed. */
export function longFunctions({ path, lines }: Pick<Source, 'path' | 'lines'>, linesMax: number): string[] {
  const opens =
    /^(\s*)(?:export |default |async |static |private |protected |override |get |set )*(?:function\b|constructor\b|(?!if|for|while|switch|catch|return)[\w#]+(?:<.*>)?\(|.*=>\s*\{$)/;
  const found: string[] = [];
  lines.forEach((line, at) => {
    const indent = opens.exec(line)?.[1];
    if (indent === undefined || !/[{(]$/.test(line)) return;
    const end = lines.findIndex(
      (other, n) =>
        n > at &&
        (other === `${indent});` ||
          (other.startsWith(`${indent}}`) && !other.startsWith(`${indent}} `) && !other.startsWith(`${indent}}):`))),
    );
    if (end - at + 1 > linesMax && !SUITE.test(line))
      found.push(`${path}: ${end - at + 1} lines from "${line.trim().slice(0, 60)}"`);
  });
  return found;
}

export const withoutComment = (line: string): string =>
  /^\s*(\*|\/\/|\/\*)/.test(line) ? '' : line.replace(/\s\/\/ .*$/, '');
