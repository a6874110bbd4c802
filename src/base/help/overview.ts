/** The text of `ingest-ctl --help`: its verbs in groups. */
import { COMMANDS, CTL_PROGRAM, CTL_VERBS } from '../config/commands.js';
import { VERB_GROUPS } from '../config/ctl-verbs.js';
import { item, paragraph, shellLines } from './help.js';

const INDENT = 22;

export function overview(): string {
  const groups = VERB_GROUPS.map((group) => {
    const verbs = CTL_VERBS.filter((verb) => COMMANDS[verb].group === group);
    return `${group}:\n${verbs.map((verb) => item(headOf(verb), COMMANDS[verb].summary, INDENT)).join('')}`;
  });
  return [
    paragraph(CTL_PROGRAM.summary),
    'Usage: ingest-ctl VERB [OPTIONS]\n',
    `Examples:\n${CTL_PROGRAM.examples.map((example) => `  ${shellLines(example, 78).join('\n  ')}\n`).join('')}`,
    ...groups,
    paragraph(
      'ingest-ctl help VERB lists the options of a verb; so does ingest-ctl VERB --help. A verb finds the state by --state-path, --input or --config, or else by /etc/atomic-ingestor/config.yaml.',
    ),
  ].join('\n');
}

const headOf = (verb: (typeof CTL_VERBS)[number]): string => `${verb} ${COMMANDS[verb].words}`.trim();
