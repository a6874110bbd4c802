/**
 * Reads a YAML file that an option names, of a bounded size.
 * Guarantees: no refusal repeats text of the file. The option may name a file of secrets by mistake, and be used through sudo.
 */
import { readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { EnvironmentError, OperatorError } from '../../errors.js';
import { limits } from './limits.js';

/** `origin`: the option that names the file, for sentences. Throws an OperatorError. */
export function readYaml(origin: string, path: string): unknown {
  let source: string;
  try {
    const { size } = statSync(path);
    if (size > limits.configFileBytesMax) {
      throw new OperatorError(
        'bad_config_file',
        `${origin} must name a file of at most ${limits.configFileBytesMax} bytes, but ${path} has ${size}; name a YAML file.`,
      );
    }
    source = readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof OperatorError) throw error;
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    throw new EnvironmentError(
      'config_unreadable',
      `${origin} must name a file that can be read, but ${path} cannot be (${code}); check the path and its permissions.`,
    );
  }
  // Loaded where a file is named: most commands are given none, and it takes a tenth of their start.
  const { parseDocument } = createRequire(import.meta.url)('yaml') as typeof import('yaml');
  const document = parseDocument(source, { prettyErrors: true, logLevel: 'error' });
  const problem = document.errors[0];
  if (problem) {
    const { line, col } = problem.linePos?.[0] ?? { line: 1, col: 1 };
    // The parser's own message may quote the file; its code never does.
    const what = problem.code.toLowerCase().replaceAll('_', ' ');
    throw invalid(path, ` in line ${line}, column ${col}: ${what}`);
  }
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch {
    throw invalid(path, ': an alias has no anchor before it, or aliases are nested too deep');
  }
}

const invalid = (path: string, what: string): OperatorError =>
  new OperatorError('bad_config_file', `${path} is not valid YAML${what}; correct it.`);

/** The kind of a value, for sentences about a file: its content is never repeated. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  return typeof value === 'string' ? 'a text' : typeof value === 'number' ? 'a number' : `a ${typeof value}`;
}
