/**
 * The text of --help, made from the schema: grouped, with defaults, units and examples.
 * Does not: print it.
 */
import type { CommandSpec } from './commands.js';
import { NOT_IN_FILE } from './file.js';
import { allFields, GROUPS, mirrorFields, viewFields } from './schema.js';
import type { FieldMeta } from './values/field.js';

const WIDTH_MAX = 100;
const WIDTH_MIN = 80;
const INDENT = 34;
/** The other commands are answered at once. */
const isDaemon = (spec: CommandSpec): boolean =>
  spec.options.includes('stall-seconds') || spec.options.includes('metrics-interval-seconds');

/** `columns`: of the terminal, where there is one. */
export function helpOf(spec: CommandSpec, columns: number = WIDTH_MAX): string {
  const width = Math.min(WIDTH_MAX, Math.max(WIDTH_MIN, columns));
  const usage = `${spec.name} ${spec.words}${spec.words ? ' ' : ''}${spec.needs.map((name) => `--${name} DIR `).join('')}[options]`;
  const sections = GROUPS.map((group) => section(spec, group, width)).filter((text) => text !== '');
  const examples = spec.examples.map((example) => `  ${example}\n`).join('');
  return [
    `${spec.summary}\n`,
    `Usage: ${usage}\n`,
    ...sections,
    ...(examples ? [`Examples:\n${examples}`] : []),
    ...[elsewhere(spec), exitCodes(spec)].map((text) => `${wrap(text, width).join('\n')}\n`),
  ].join('\n');
}

function elsewhere({ options }: CommandSpec): string {
  const flags = (names: readonly string[]) =>
    options
      .filter((name) => names.includes(name))
      .map((name) => `--${name}`)
      .join(', ');
  const flagsOnly = flags([...Object.keys(viewFields), ...Object.keys(mirrorFields), 'help', 'version']);
  const notInFile = flags([...NOT_IN_FILE, 'config']);
  const [name, value] = options.includes('state-path') ? ['state-path', 'PATH'] : ['log-level', 'warn'];
  const variable = `INGEST_${name!.toUpperCase().replaceAll('-', '_')}`;
  return `An option may also stand in the environment (--${name} as ${variable}) or in the YAML file of --config (${name}: ${value}); a flag counts over the environment, and that over the file. Not in the file: ${notInFile}. Flags only: ${flagsOnly}.`;
}

function exitCodes(spec: CommandSpec): string {
  const signal = isDaemon(spec) ? '; 128 + its number: stopped at once by a second signal' : '';
  return `Exit codes: 0 done; 1 a bug; 2 wrong usage or configuration; 3 the environment cannot be used (folder, filesystem, state); 4 ended with something unfinished that is named${signal}.`;
}

function section(spec: CommandSpec, group: string, width: number): string {
  const lines = spec.options
    .filter((name) => allFields[name]!.meta.group === group)
    .map((name) => {
      const meta = allFields[name]!.meta;
      const description = spec.means?.[name] ?? meta.description;
      return optionLines(name, { ...meta, description }, spec.needs.includes(name), width);
    });
  return lines.length === 0 ? '' : `${group}:\n${lines.join('')}`;
}

function optionLines(name: string, meta: FieldMeta, needed: boolean, width: number): string {
  const isOn = meta.kind === 'switch' && meta.defaultText === 'on';
  const flag = `  --${isOn ? '[no-]' : ''}${name}${meta.placeholder ? ` ${meta.placeholder}` : ''}`;
  const about = [meta.description, needed ? '(needed)' : defaultOf(meta)].filter((part) => part !== '').join(' ');
  const wrapped = wrap(about, width - INDENT);
  const first = flag.length + 2 <= INDENT ? flag.padEnd(INDENT) + wrapped.shift() : flag;
  return [first, ...wrapped.map((line) => ' '.repeat(INDENT) + line)].map((line) => `${line}\n`).join('');
}

function defaultOf(meta: FieldMeta): string {
  if (meta.kind === 'switch') return meta.defaultText === 'on' ? '(on by default)' : '';
  const said = meta.unit === undefined || meta.defaultText?.includes(' ') || meta.description.includes(meta.unit);
  const unit = said ? '' : ` ${meta.unit}`;
  return meta.defaultText === undefined ? '' : `(default: ${meta.defaultText}${unit})`;
}

function wrap(text: string, width: number): string[] {
  const lines = [''];
  for (const word of text.split(' ')) {
    const line = lines.at(-1)!;
    if (line !== '' && line.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
  }
  return lines;
}
