/** Completions for bash: one file a command, named as bash-completion looks for it. They need nothing but bash. */
import { targets } from './completions.mjs';

/** `{ ingest: text, … }`. */
export const bashCompletions = () => Object.fromEntries(targets.map((target) => [target.name, script(target)]));

const functionOf = (name) => `_${name.replaceAll('-', '_')}`;

const script = (target) => `# bash completion of ${target.name}; made by ops/reference from the schema of the options.

${functionOf(target.name)}() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD - 1]}
  COMPREPLY=()
  # For bash, --option=value is three words.
  if [[ $cur == = ]]; then
    cur=
  elif [[ $prev == = ]]; then
    prev=\${COMP_WORDS[COMP_CWORD - 2]}
  fi
${target.verbs ? withVerbs(target) : body(target, '  ')}}
complete -F ${functionOf(target.name)} ${target.name}
`;

function withVerbs({ verbs }) {
  const names = verbs.map(({ name }) => name);
  return `  if ((COMP_CWORD == 1)); then
    COMPREPLY=($(compgen -W '${names.join(' ')} help --help --help-all --version' -- "$cur"))
    return
  fi
  case \${COMP_WORDS[1]} in
    help)
      COMPREPLY=($(compgen -W '${names.join(' ')}' -- "$cur"))
      ;;
${verbs.map((verb) => `    ${verb.name})\n${body(verb, '      ')}      ;;\n`).join('')}  esac
`;
}

/** Options with the same completion share a branch. */
function body({ options, words }, indent) {
  const branches = new Map();
  for (const { name, takesValue, completion } of options) {
    if (!takesValue) continue;
    const act = reply(completion);
    branches.set(act, [...(branches.get(act) ?? []), `--${name}`]);
  }
  const lines = [
    'case $prev in',
    ...[...branches].flatMap(([act, names]) => [
      `  ${names.join(' | ')})`,
      ...(act === '' ? [] : [`    ${act}`]),
      '    return',
      '    ;;',
    ]),
    'esac',
    'if [[ $cur == -* ]]; then',
    `  COMPREPLY=($(compgen -W '${options.map(({ name }) => `--${name}`).join(' ')}' -- "$cur"))`,
    ...(reply(words) === '' ? [] : ['else', `  ${reply(words)}`]),
    'fi',
  ];
  return lines.map((line) => `${indent}${line}\n`).join('');
}

function reply({ kind, values }) {
  if (kind === 'values') {
    const space = values.every((value) => value.endsWith('=')) ? '; compopt -o nospace 2> /dev/null' : '';
    return `COMPREPLY=($(compgen -W '${values.join(' ')}' -- "$cur"))${space}`;
  }
  // mapfile: a name may have blanks.
  const names = (flags) => `compopt -o filenames 2> /dev/null; mapfile -t COMPREPLY < <(compgen ${flags} -- "$cur")`;
  return { files: names('-f'), directories: names('-d'), nothing: '' }[kind];
}
