/** Completions for zsh: `_NAME` for a directory of $fpath. */
import { short, targets } from './completions.mjs';

export const zshCompletions = () => Object.fromEntries(targets.map((target) => [`_${target.name}`, script(target)]));

const script = (target) => `#compdef ${target.name}
# Made by ops/reference from the schema of the options.

${target.verbs ? withVerbs(target) : `_arguments -s ${args(target)}`}
`;

/** Text within single quotes of a specification, where some signs part its fields. */
const quoted = (text) => text.replaceAll("'", "'\\''").replace(/[[\]:\\]/g, '\\$&');

const args = ({ options, words }) =>
  [...options.map(specification), ...wordsOf(words)].map((one) => `\\\n  '${one}'`).join(' ');

function specification({ name, text, takesValue, isRepeatable, placeholder, completion }) {
  const value = takesValue ? `:${quoted(placeholder.toLowerCase())}:${action(completion)}` : '';
  return `${isRepeatable ? '*' : ''}--${name}${takesValue ? '=' : ''}[${quoted(short(text))}]${value}`;
}

const wordsOf = (words) => (words.kind === 'nothing' ? [] : [`*:word:${action(words)}`]);

function action({ kind, values }) {
  if (kind === 'values') return `(${values.join(' ')})`;
  return { files: '_files', directories: '_files -/', nothing: ' ' }[kind];
}

function withVerbs({ name, verbs }) {
  const described = verbs.map((verb) => `    '${verb.name}:${quoted(short(verb.summary))}'`).join('\n');
  const cases = verbs
    .map(
      (verb) => `      ${verb.name})\n        _arguments -s ${args(verb).replaceAll('\n', '\n        ')}\n        ;;`,
    )
    .join('\n');
  return `_${name.replaceAll('-', '_')}_verbs() {
  local -a verbs=(
${described}
  )
  _describe -t verbs verb verbs "$@"
}

local curcontext=$curcontext state line
_arguments -C '(- *)--help[Show the verbs]' '(- *)--help-all[Show every verb in full]' '(- *)--version[Show the version]' '1:verb:->verb' '*::argument:->argument'
case $state in
  verb)
    _${name.replaceAll('-', '_')}_verbs
    compadd help
    ;;
  argument)
    curcontext=\${curcontext%:*:*}:${name}-$words[1]:
    case $words[1] in
      help)
        _${name.replaceAll('-', '_')}_verbs
        ;;
${cases}
    esac
    ;;
esac`;
}
