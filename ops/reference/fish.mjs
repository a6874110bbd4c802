/** Completions for fish: `NAME.fish` for vendor_completions.d. */
import { short, targets } from './completions.mjs';

export const fishCompletions = () =>
  Object.fromEntries(targets.map((target) => [`${target.name}.fish`, script(target)]));

const script = (target) => `# Made by ops/reference from the schema of the options.
complete -c ${target.name} -f
${target.verbs ? withVerbs(target) : lines(target.name, target)}`;

const quoted = (text) => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

function lines(command, { options, words }, condition) {
  const start = `complete -c ${command}${condition ? ` -n ${quoted(condition)}` : ''}`;
  const all = options.map(
    ({ name, text, takesValue, completion }) =>
      `${start} -l ${name}${takesValue ? ` ${value(completion)}` : ''} -d ${quoted(short(text))}`,
  );
  if (words.kind !== 'nothing') all.push(`${start} ${wordOf(words)}`);
  return `${all.join('\n')}\n`;
}

/** -x: it needs a value, and no file is one; -r -F: files are. */
function value({ kind, values }) {
  if (kind === 'values') return `-x -a ${quoted(values.join(' '))}`;
  return { files: '-r -F', directories: `-x -a '(__fish_complete_directories)'`, nothing: '-x' }[kind];
}

function wordOf({ kind, values }) {
  if (kind === 'values') return `-a ${quoted(values.join(' '))}`;
  return kind === 'files' ? '-F' : `-a '(__fish_complete_directories)'`;
}

function withVerbs({ name, verbs }) {
  const none = quoted('__fish_use_subcommand');
  return [
    ...verbs.map((verb) => `complete -c ${name} -n ${none} -a ${verb.name} -d ${quoted(short(verb.summary))}\n`),
    `complete -c ${name} -n ${none} -a help -d 'Show the verbs, or the options of one'\n`,
    `complete -c ${name} -n ${none} -l help -d 'Show the verbs'\n`,
    `complete -c ${name} -n ${none} -l help-all -d 'Show every verb in full'\n`,
    `complete -c ${name} -n ${none} -l version -d 'Show the version'\n`,
    `complete -c ${name} -n '__fish_seen_subcommand_from help' -a ${quoted(verbs.map((verb) => verb.name).join(' '))}\n`,
    ...verbs.map((verb) =>
      lines(name, verb, `test (count (commandline -opc)) -gt 1; and test (commandline -opc)[2] = ${verb.name}`),
    ),
  ].join('');
}
