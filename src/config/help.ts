/**
 * The text of --help, made from the schema: grouped, with defaults, units and examples.
 * Does not: print it.
 */
import type { CommandSpec } from './commands.js';
import { type FieldMeta, metaOf } from './field.js';
import { allFields, GROUPS } from './schema.js';

const WIDTH = 100;
const INDENT = 34;

export function helpOf(spec: CommandSpec): string {
  const usage = `${spec.name} ${spec.words}${spec.words ? ' ' : ''}${spec.needs.map((name) => `--${name} DIR `).join('')}[options]`;
  const sections = GROUPS.map((group) => section(spec, group)).filter((text) => text !== '');
  const examples = spec.examples.map((example) => `  ${example}\n`).join('');
  return [
    `${spec.summary}\n`,
    `Usage: ${usage}\n`,
    ...sections,
    ...(examples ? [`Examples:\n${examples}`] : []),
    'Every option may also stand in the environment (--stability-seconds as INGEST_STABILITY_SECONDS) or in the\nYAML file of --config; a flag counts over the environment, and that over the file.\n',
    `Exit codes: 0 done; 1 a bug; 2 wrong usage or configuration; 3 the environment cannot be used (folder,\nfilesystem, state); 4 ended with something unfinished that is named.\n`,
  ].join('\n');
}

function section(spec: CommandSpec, group: string): string {
  const lines = spec.options
    .filter((name) => metaOf(allFields[name]!).group === group)
    .map((name) => optionLines(name, metaOf(allFields[name]!), spec.needs.includes(name)));
  return lines.length === 0 ? '' : `${group}:\n${lines.join('')}`;
}

function optionLines(name: string, meta: FieldMeta, needed: boolean): string {
  const isOn = meta.kind === 'switch' && meta.defaultText === 'on';
  const flag = `  --${isOn ? '[no-]' : ''}${name}${meta.placeholder ? ` ${meta.placeholder}` : ''}`;
  const about = [meta.description, needed ? '(needed)' : defaultOf(meta)].filter((part) => part !== '').join(' ');
  const wrapped = wrap(about, WIDTH - INDENT);
  const first = flag.length + 2 <= INDENT ? flag.padEnd(INDENT) + wrapped.shift() : flag;
  return [first, ...wrapped.map((line) => ' '.repeat(INDENT) + line)].map((line) => `${line}\n`).join('');
}

function defaultOf(meta: FieldMeta): string {
  if (meta.kind === 'switch') return meta.defaultText === 'on' ? '(on by default)' : '';
  const unit = meta.unit !== undefined && !meta.defaultText?.includes(' ') ? ` ${meta.unit}` : '';
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
