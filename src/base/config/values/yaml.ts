/** Reads a YAML file that an option names: bounded, and what is wrong with it is a sentence with its line. */
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
  const document = parseDocument(source, { prettyErrors: true });
  const problem = document.errors[0];
  if (problem) {
    const line = problem.linePos?.[0].line ?? 1;
    const what = problem.message
      .split('\n')[0]!
      .replace(/ at line .*$/, '')
      .replace(/[:.]$/, '');
    throw new OperatorError(
      'bad_config_file',
      `${path} is not valid YAML in line ${line}: ${what}; correct that line.`,
    );
  }
  return document.toJS({ maxAliasCount: 100 });
}
