/** docs/options.md: every command, verb, option and exit code. */
import {
  CTL_PROGRAM,
  exitCodesOf,
  pageOf,
  programs,
  sectionsOf,
  TIMES,
  usageOf,
  VERB_GROUPS,
  verbs,
} from './model.mjs';

/** A cell of a table, or a line of prose: options in it are code. */
const plain = (text) =>
  text
    .replaceAll('|', '\\|')
    .replaceAll('<', '&lt;')
    .replaceAll('*', '\\*')
    .replace(/(?<![\w`-])--[a-z][a-z-]*/g, '`$&`');
const HEAD = `# Options

For those who start or configure a command. \`npm run docs\` makes this page from the schema of the options. \`COMMAND --help-all\` and \`man COMMAND\` also have
examples, and say at length what each command does; \`COMMAND --help\` is one screen of it.

An option may stand in three places. A **flag** counts more than the **environment**, the environment more than the **file** that \`--config\` names
([example with every key](../ops/config.yaml), \`man atomic-ingestor.yaml\`). The tables name the variable, and where the key stands in the file:

- *feed*: below \`feeds.NAME\`, or at the top level for every feed that has none of its own (\`input\`, \`warehouse\`, \`manifests\` and \`work-dir\` belong to one feed);
- *top*: at the top level;
- –: not in the file, or not in the environment.

A relative path is below the folder of the caller; in the file, below the folder of the file. A list is given by repeating the flag, as a YAML list, or in the
environment with one value a line or commas between them. A switch is \`--poll\` or \`--no-poll\`, and \`true\` or \`false\` elsewhere. A wrong value, an unknown
option, key or verb is refused before anything is changed.

${plain(TIMES).replace('TIME', '**TIME**')} **SIZE** is a number of bytes, or one with its unit: 500MB, 10GiB.

Two secrets have a variable of their own: \`INGEST_DASHBOARD_TOKEN\` and \`INGEST_NOTIFY_SECRET\`. The password of
\`--shared-ledger\` is in \`PGPASSWORD\` or \`.pgpass\`.
`;

const code = (text) => `\`${text.replaceAll('|', '\\|')}\``;

export function optionsPage() {
  const all = [...programs, ...verbs];
  return [
    HEAD,
    '## Commands\n',
    table(['command', 'what it does'], programs.map(linked)),
    'Verbs of `ingest-ctl` (it finds the state by `--state-path`, `--input` or `--config`, or else by `/etc/atomic-ingestor/config.yaml`):\n',
    table(
      ['verb', 'what it does'],
      VERB_GROUPS.flatMap((group) => verbs.filter((one) => one.group === group)).map(linked),
    ),
    '## Exit codes\n',
    table(
      ['code', 'meaning'],
      exitCodesOf({
        options: ['stall-seconds'],
        unfinished: 'something was left unfinished; the command says below what that is',
      }).map(([number, meaning]) => [number, plain(meaning)]),
    ),
    'What each error and each reason of a held file means: [errors.md](errors.md).\n',
    '## All options\n',
    ...optionTables(all),
    '## Each command\n',
    ...programs.map(commandText),
    `### ${CTL_PROGRAM.name}\n`,
    `${CTL_PROGRAM.summary}\n`,
    `${plain(CTL_PROGRAM.about)} A verb that needs a state takes ${OF_EACH_VERB.map((name) => `\`--${name}\``).join(', ')}; every command takes \`--help\`, \`--help-all\` and \`--version\`.\n`,
    ...verbs.map(commandText),
  ].join('\n');
}

const linked = (spec) => [`[${code(spec.name)}](#${pageOf(spec)})`, plain(spec.summary)];

const table = (head, rows) =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |\n`).join('');

/** Each option once. What it means to a single command stands there. */
function optionTables(all) {
  const groups = new Map();
  const seen = new Set();
  for (const spec of all)
    for (const { group, options } of sectionsOf(spec))
      for (const option of options.filter(({ name }) => !seen.has(name))) {
        seen.add(option.name);
        groups.set(group, [...(groups.get(group) ?? []), option]);
      }
  return [...groups].flatMap(([group, options]) => [`### ${group}\n`, withoutEmpty(HEADS, options.map(row))]);
}

const HEADS = ['option', 'default', 'environment', 'file', 'what it does'];

/** A column that no option of the group has is left out. */
function withoutEmpty(heads, rows) {
  const kept = heads.map((_, n) => rows.some((cells) => cells[n] !== '–'));
  const of = (cells) => cells.filter((_, n) => kept[n]);
  return table(of(heads), rows.map(of));
}

const PLACES = { feed: 'feed', service: 'top' };

const row = ({ name, flag, meta, variable, key }) => [
  code(flag),
  meta.kind === 'switch' ? meta.defaultText : plain(meta.defaultText ?? (meta.kind === 'list' ? 'none' : '–')),
  variable === undefined ? '–' : code(variable),
  key === undefined ? '–' : PLACES[key],
  `${plain(meta.description)}${limitsOf(name, meta)}`,
];

/** The bounds of a value, which --help-all leaves out. What TIME and SIZE are stands once, at the top. */
const limitsOf = (name, { kind, rule, placeholder }) => {
  const bounds = rule
    ?.replace(/^a (?:duration|size) (?:from )?(.*?), such as .*/, '$1')
    .replace(/^a whole number of \w+ from (\d+) to (\d+)$/, '$1 to $2')
    .replace(/^(\d+) to 9007199254740991(?: bytes)?$/, (_, min) => (min === '0' ? '' : `at least ${min}`));
  const isPlain = ['switch', 'choice'].includes(kind) || ['DIR', 'PATH', 'FILE'].includes(placeholder);
  return isPlain || SAID.includes(name) || !bounds ? '' : ` *Value: ${plain(bounds)}.*`;
};

/** Options whose text has the rule, or that another one of the table has. */
const SAID = ['process', 'exclude', 'stage', 'workers', 'feed', 'code', 'reason'];

/** Options that find the state of a verb stand once, with ingest-ctl; so do those that every command has. */
const OF_EACH_VERB = ['state-path', 'input', 'config'];
const OF_ALL = ['help', 'help-all', 'version'];

function commandText(spec) {
  const unfinished = exitCodesOf(spec).find(([number]) => number === '4');
  const means = Object.entries(spec.means ?? {});
  const options = optionsOf(spec);
  return [
    `### ${pageOf(spec) === spec.name ? spec.name : spec.name.replace(' ', '-')}\n`,
    `\`${spec.name} ${usageOf(spec)}\`${options.length > 0 ? `: ${options.join(', ')}.` : ''}\n`,
    ...(means.length > 0
      ? [`Here they mean: ${means.map(([name, text]) => `\`--${name}\`: ${text}`).join(' ')}\n`]
      : []),
    ...(unfinished ? [`Exit code 4: ${plain(unfinished[1])}.\n`] : []),
  ].join('\n');
}

/** The options of a command: a group that it has as a whole by its name, the others one by one. */
function optionsOf(spec) {
  const everywhere = [
    ...OF_ALL,
    ...('verb' in spec && OF_EACH_VERB.every((name) => spec.options.includes(name)) ? OF_EACH_VERB : []),
  ];
  return sectionsOf(spec).flatMap(({ group, options }) => {
    const whole = wholeGroup(group);
    if (whole.length > 2 && whole.every((name) => spec.options.includes(name))) return `all of *${group}*`;
    return options.filter(({ name }) => !everywhere.includes(name)).map(({ name }) => `\`--${name}\``);
  });
}

const wholeGroup = (group) => {
  const options = [...programs, ...verbs].flatMap((spec) =>
    sectionsOf(spec)
      .filter((one) => one.group === group)
      .flatMap((one) => one.options.map(({ name }) => name)),
  );
  return [...new Set(options)].filter((name) => !OF_ALL.includes(name));
};
