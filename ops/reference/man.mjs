/** The man pages of the commands: section 1. */
import {
  CTL_PROGRAM,
  commands,
  exitCodesOf,
  pageOf,
  sectionsOf,
  shellLines,
  TIMES,
  takesTimes,
  usageOf,
  VERB_GROUPS,
  verbs,
  version,
} from './model.mjs';
import { flag, item, literal, paragraphs, section, subsection, text, title } from './roff.mjs';

const EXAMPLE_WIDTH = 70;
const FILE_PAGE = 'atomic-ingestor.yaml';

/** `{ 'ingest.1': text, … }`. */
export const commandPages = () => Object.fromEntries(commands.map((spec) => [`${pageOf(spec)}.1`, pageText(spec)]));

function pageText(spec) {
  const isOverview = spec === CTL_PROGRAM;
  const name = pageOf(spec);
  // A sentence becomes a phrase, as whatis(1) shows it.
  const phrase = spec.summary[0].toLowerCase() + spec.summary.slice(1).replace(/\.$/, '');
  return [
    title(name, 1, version),
    `${section('Name')}${text(name)} \\- ${text(phrase)}\n`,
    section('Synopsis'),
    isOverview
      ? `${flag('ingest-ctl VERB [OPTIONS]')}\n.br\n${flag('ingest-ctl help')} \\fI[VERB]\\fR\n`
      : synopsis(spec),
    section('Description'),
    paragraphs(spec.about),
    ...(isOverview ? [verbList()] : options(spec)),
    `${section('Exit status')}${exitCodes(spec)}`,
    `${section('Examples')}${spec.examples.map((example) => literal(shellLines(example, EXAMPLE_WIDTH))).join('')}`,
    `${section('See also')}${seeAlso(name)}\n`,
  ].join('');
}

function synopsis(spec) {
  const words = usageOf(spec)
    .replace(/--/g, '\\-\\-')
    .replace(/(?<!\\)-/g, '\\-')
    .replaceAll('…', '...');
  return `\\fB${text(spec.name)}\\fR ${words}\n`;
}

const verbList = () =>
  section('Verbs') +
  paragraphs(
    'Each verb has a page of its own: ingest-ctl-explain(1) and so on. `ingest-ctl help VERB` and `ingest-ctl VERB --help` print its options.',
  ) +
  VERB_GROUPS.map(
    (group) =>
      subsection(group) +
      verbs
        .filter((one) => one.group === group)
        .map(({ verb, words, summary }) => item(flag(`${verb} ${words}`.trim()), summary))
        .join(''),
  ).join('');

function options(spec) {
  return [
    section('Options'),
    ...sectionsOf(spec).map(
      ({ group, options: list }) =>
        subsection(group) +
        list.map((one) => item(flag(one.flag), one.note === '' ? one.text : `${one.text} (${one.note})`)).join(''),
    ),
    ...(takesTimes(spec) ? [subsection('Times'), paragraphs(TIMES)] : []),
    section('Environment'),
    ...environment(spec),
  ];
}

/** Variables of the environment beside those of the options. */
const VARIABLES = {
  'dashboard-token-file': ['INGEST_DASHBOARD_TOKEN', 'The token of the dashboard, instead of --dashboard-token-file.'],
  'shared-ledger': ['PGPASSWORD', 'The password of the shared ledger.'],
  'notify-secret-file': ['INGEST_NOTIFY_SECRET', 'The secret that signs webhooks, instead of --notify-secret-file.'],
  'state-path': [
    'XDG_STATE_HOME',
    'The directory below which a state lies that no --state-path names. Default: ~/.local/state.',
  ],
};

const environment = (spec) => [
  item(
    flag('INGEST_OPTION'),
    'An option in capitals with underscores: INGEST_STATE_PATH is --state-path, INGEST_CONFIG is --config. A flag counts more than the environment, the environment more than the file of --config. Options of what is shown or changed are flags only.',
  ),
  ...Object.entries(VARIABLES)
    .filter(([option]) => spec.options.includes(option))
    .map(([, [name, words]]) => item(flag(name), words)),
];

function exitCodes(spec) {
  if (spec === CTL_PROGRAM) {
    const codes = exitCodesOf({
      options: [],
      unfinished: 'something was left unfinished, or is not known; a sentence names it',
    });
    return codes.map(([code, meaning]) => item(flag(code), `${meaning}.`)).join('');
  }
  return exitCodesOf(spec)
    .map(([code, meaning]) => item(flag(code), `${meaning}.`))
    .join('');
}

function seeAlso(name) {
  const pages = commands
    .map(pageOf)
    .filter((page) => page !== name && (!page.startsWith('ingest-ctl-') || name === 'ingest-ctl'));
  return [...pages.map((page) => [page, 1]), [FILE_PAGE, 5]]
    .map(([page, number]) => `\\fB${text(page)}\\fR(${number})`)
    .join(',\n');
}
