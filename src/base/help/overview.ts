/** The verbs of `ingest-ctl`: on one screen, those for looking and for held files; with --help-all every one, in groups. */
import { COMMANDS, CTL_PROGRAM, CTL_VERBS } from '../config/commands.js';
import { VERB_GROUPS } from '../config/ctl-verbs.js';
import { item, paragraph, shellLines } from './help.js';

const INDENT = 22;
const SHORT_INDENT = 12;
/** So many groups have a line for each verb on the screen; of the rest there are the names. */
const SHORT_GROUPS = 3;

const TOP = [
  paragraph(CTL_PROGRAM.summary),
  'Usage: ingest-ctl VERB [OPTIONS]\n',
  `Examples:\n${CTL_PROGRAM.examples.map((example) => `  ${shellLines(example, 78).join('\n  ')}\n`).join('')}`,
];

const verbsOf = (group: string) => CTL_VERBS.filter((verb) => COMMANDS[verb].group === group);

export function shortOverview(): string {
  const [first, rest] = [VERB_GROUPS.slice(0, SHORT_GROUPS), VERB_GROUPS.slice(SHORT_GROUPS)];
  return [
    ...TOP,
    first
      .flatMap(verbsOf)
      .map((verb) => item(verb, COMMANDS[verb].summary, SHORT_INDENT))
      .concat(item('also:', rest.flatMap(verbsOf).join(', '), SHORT_INDENT))
      .join(''),
    paragraph('All of it: ingest-ctl help VERB, ingest-ctl --help-all, or man ingest-ctl.'),
  ].join('\n');
}

export function overview(): string {
  const groups = VERB_GROUPS.map(
    (group) =>
      `${group}:\n${verbsOf(group)
        .map((verb) => item(headOf(verb), COMMANDS[verb].summary, INDENT))
        .join('')}`,
  );
  return [
    ...TOP,
    ...groups,
    paragraph(
      'ingest-ctl help VERB lists the options of a verb; so does ingest-ctl VERB --help. A verb finds the state by --state-path, --input or --config, or else by /etc/atomic-ingestor/config.yaml.',
    ),
  ].join('\n');
}

const headOf = (verb: (typeof CTL_VERBS)[number]): string => `${verb} ${COMMANDS[verb].words}`.trim();
