/** The man page of the configuration file: section 5, every key of it. */
import { pageOf, programs, sectionsOf, TIMES, version } from './model.mjs';
import { flag, item, literal, paragraphs, section, subsection, text, title } from './roff.mjs';

const NAME = 'atomic-ingestor.yaml';

const ABOUT = `The file that --config names. Every key is the name of an option without its dashes, and has the same values. A key with a list of values takes a YAML list. A relative path is below the folder of this file, wherever a command is called.

Feeds stand under \`feeds\`, each under its name. A key of a feed at the top level holds for every feed that has none of its own; \`input\`, \`warehouse\`, \`manifests\` and \`work-dir\` belong to one feed. A file without \`feeds\` describes one feed, named default.

A flag counts more than the environment (INGEST_MODE for \`mode\`), the environment more than the file. An unknown key is refused with the nearest one.`;

const EXAMPLE = `state-path: /var/lib/atomic-ingestor/state.db
dashboard: 8000
stability-seconds: 30s
feeds:
  orders:
    input: /data/orders/staging
    warehouse: /data/orders/warehouse
    manifests: /data/orders/manifests
    include: ['*.csv']
  clicks:
    input: /data/clicks/staging
    warehouse: /data/clicks/warehouse
    manifests: /data/clicks/manifests
    mode: sidecar`;

/** Every option that a file may have, from all commands, each once. */
export function fileOptions() {
  const seen = new Map();
  for (const spec of programs)
    for (const { group, options } of sectionsOf(spec))
      for (const option of options)
        if (option.key && !seen.has(option.name)) seen.set(option.name, { group, ...option });
  return [...seen.values()];
}

export function filePage() {
  const options = fileOptions();
  const kinds = [
    ['Keys of a feed', 'feed'],
    ['Keys of the service', 'service'],
  ];
  return [
    title(NAME, 5, version),
    `${section('Name')}${text(NAME)} \\- configuration file of Atomic Ingestor\n`,
    section('Description'),
    paragraphs(ABOUT),
    paragraphs(TIMES),
    ...kinds.flatMap(([heading, key]) => [
      section(heading),
      ...groupsOf(options.filter((one) => one.key === key)).flatMap(([group, list]) => [
        subsection(group),
        ...list.map((one) => item(keyOf(one), one.note === '' ? one.text : `${one.text} (${one.note})`)),
      ]),
    ]),
    section('Files'),
    item(flag('/etc/atomic-ingestor/config.yaml'), 'The file that the systemd units and the container image name.'),
    section('Example'),
    literal(EXAMPLE.split('\n')),
    `${section('See also')}${programs.map((spec) => `\\fB${text(pageOf(spec))}\\fR(1)`).join(',\n')}\n`,
  ].join('');
}

const keyOf = ({ name, meta }) =>
  `\\fB${text(name)}:\\fR \\fI${text(meta.kind === 'switch' ? 'true|false' : meta.placeholder)}\\fR`;

function groupsOf(options) {
  const groups = new Map();
  for (const one of options) groups.set(one.group, [...(groups.get(one.group) ?? []), one]);
  return [...groups];
}
