/** docs/benchmarks.md and its charts, made of all the results that are there. Nothing in it is written by hand. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { chartOf } from './charts.mjs';
import { PACKAGE } from './package.mjs';
import { peers } from './peers.mjs';
import { kept } from './results.mjs';
import { ratioOf, spread, summaryOf } from './statistics.mjs';
import { markdown, tableOf } from './tables.mjs';

const DOCS = join(PACKAGE, 'docs');
const CHARTS = join(DOCS, 'benchmarks');

const HEAD = `# Benchmarks

For those who compare, and for maintainers: what the product costs beside others. \`npm run bench\` writes this page from what it measured
(\`bench/results/\`); no figure is typed by hand. The product runs with its default durability and every guarantee, peers as their own users would run
them, in the same session, on the same disk, in turn round by round; what they lose stands beside them or [at the end](#what-other-peers-lose-or-do-not-do). A figure is the
median of its rounds, with the lowest and the highest in brackets. CPU and memory are those of the whole process tree (memory: PSS). \`×\`: how many
times as good the product is, round by round. System calls, syncs and transactions are counted in traced runs of their own.

<!-- not run: it downloads the peers, and a round takes minutes to hours -->
\`\`\`sh
npm ci && npm run build && npm --prefix bench ci     # once; chokidar + BullMQ needs redis-server, counting needs strace
npm run bench -- --case a --files 100000 --rounds 5  # each section names its own options
\`\`\`
`;

/** `cases`: name → module, for titles and columns. Answers the path of the document. */
export async function writeReport(cases) {
  rmSync(CHARTS, { recursive: true, force: true });
  mkdirSync(CHARTS, { recursive: true });
  const sections = [];
  const results = kept();
  for (const result of results) sections.push(await sectionOf(result, cases[result.case]));
  const missing = Object.keys(cases).filter((name) => results.every((result) => result.case !== name));
  const said = new Map();
  const text = [
    HEAD,
    besideBest(results, cases, said),
    buildsOf(results),
    peersOf(results),
    notMeasured(missing, cases),
    ...sections,
    lossesOf(results, said),
  ];
  const path = join(DOCS, 'benchmarks.md');
  writeFileSync(path, text.filter(Boolean).join('\n'));
  return path;
}

/** The newest build first. A result of before there were digests names its commit alone. */
function buildsOf(results) {
  const builds = Map.groupBy(
    results.toSorted((a, b) => (a.when < b.when ? 1 : -1)),
    ({ machine: { digest, commit } }) => (digest ? `\`${digest}\`` : `of commit ${commit}`),
  );
  const isOne = (letter) => results.filter((other) => other.case === letter).length === 1;
  const nameOf = ({ case: letter, files }) =>
    isOne(letter) ? letter : `${letter} with ${files.toLocaleString('en-US')}`;
  const named = [...builds].map(([build, of]) => `${build}: ${of.map(nameOf).sort().join(', ')}`);
  return `Builds (a digest of bin, queue and src), the newest first: ${named.join('; ')}.\n`;
}

/** Names the peers that are installed, and beside each the versions that sections were measured with instead. */
function peersOf(results) {
  const named = Object.entries(peers()).map(([name, version]) => {
    const older = results.filter(
      (result) => comparesPeers(result) && ![undefined, version].includes(result.peers[name]),
    );
    const others = [...new Set(older.map((result) => result.peers[name]))].map(
      (other) => `${other} in ${lettersOf(older.filter((result) => result.peers[name] === other))}`,
    );
    return `${name} ${version}${others.length > 0 ? ` (${others.join('; ')})` : ''}`;
  });
  return `Peers: ${named.join(', ')}.\n`;
}

const comparesPeers = ({ rows }) => rows.some(({ kind }) => kind !== 'product');
const lettersOf = (results) => [...new Set(results.map((result) => result.case))].join(', ');

/** A case without a result is said to have none, instead of being left out. */
function notMeasured(missing, cases) {
  if (missing.length === 0) return '';
  return `Not measured yet: ${missing.map((name) => `${name} (${cases[name].title})`).join(', ')}.\n`;
}

async function sectionOf(result, { title, columns, chart }) {
  const heading = headingOf(result, title);
  const parts = [`## ${heading}`, machineOf(result), tableOf({ rows: result.rows, columns })];
  const svg = await chartOf({ rows: result.rows, chart, title: heading });
  if (svg) {
    const name = `${result.case}-${result.files}.svg`;
    writeFileSync(join(CHARTS, name), svg);
    parts.push(`![chart](benchmarks/${name})`);
  }
  parts.push(...(result.notes ?? []), faultsOf(result.rows));
  return `${parts.filter(Boolean).join('\n\n')}\n`;
}

const headingOf = (result, title) =>
  `${result.case}. ${title}: ${result.files.toLocaleString('en-US')}${result.unit ? ` ${result.unit}` : ''}`;

/** Beside the product, what its users would take today instead, and what they would lose. `said`: the faults that stand there → case. */
function besideBest(results, cases, said) {
  const lines = results.flatMap((result) =>
    (cases[result.case].best ?? []).map((best) => bestLine(result, best, cases, said)),
  );
  const head = ['', 'figure', 'product', "today's best", 'its figure', 'product is', 'what it loses'];
  return `${markdown([head, head.map(() => '---'), ...lines.filter(Boolean)])}\n`;
}

function bestLine(result, { id, of, key }, cases, said) {
  const { title, columns } = cases[result.case];
  const row = result.rows.find((one) => one.id === id);
  const own = of === undefined ? result.rows[0] : result.rows.find((one) => one.id === of);
  if (!row || row.runs.length === 0) return undefined;
  const column = columns.find((one) => one.key === key);
  const [ours, theirs, ratio] = [
    summaryOf(own.runs, key),
    summaryOf(row.runs, key),
    ratioOf(own.runs, row.runs, column),
  ];
  return [
    headingOf(result, title),
    column.label,
    spread(ours),
    row.title,
    spread(theirs),
    ratio ? `${spread(ratio)} ×` : '–',
    [...faultsIn(row), lacksOnce(row, result.case, said)].filter(Boolean).join('; '),
  ];
}

function lacksOnce({ lacks }, letter, said) {
  const lack = lacks.join('; ');
  if (lack === '') return '';
  const before = said.get(lack);
  if (before === undefined) said.set(lack, letter);
  return before === undefined ? lack : `as in ${before}`;
}

function machineOf(result) {
  const { machine, when, rounds, command } = result;
  const { cores, cpu, memoryGib, node, filesystem, commit, load } = machine;
  const [kind] = filesystem.split(/[ ,]/);
  const options = command.replace(/^.* -- | --rounds \d+/g, '');
  return `${when.slice(0, 10)}, commit ${commit}, ${rounds} ${rounds === 1 ? 'round' : 'rounds'} of \`${options}\`; ${cores} cores (${cpu}), ${memoryGib} GiB, Node ${node}, ${kind}; load at the start ${load}.`;
}

const faultsIn = ({ runs }) => [...new Set(runs.map((run) => run.faults).filter(Boolean))];

/** The files that a peer lost in these runs. */
function faultsOf(rows) {
  const lines = rows.flatMap(({ kind, title, runs }) => {
    const faults = kind === 'product' ? [] : faultsIn({ runs });
    return faults.length > 0 ? [`- ${title}: **${faults.join(' / ')}**.`] : [];
  });
  return lines.length > 0 ? `In these runs:\n\n${lines.join('\n')}` : '';
}

/** The faults of the peers that the first table has not said, once for all sections. Peers with the same faults share a line. */
function lossesOf(results, said) {
  const peersOfLack = new Map();
  for (const { case: letter, rows } of results)
    for (const { kind, title, lacks } of rows) {
      if (kind === 'product' || lacks.length === 0) continue;
      const lack = lacks.join('; ');
      if (said.has(lack)) continue;
      // A variant of a peer is its title and a comma, a colon or a remark.
      const name = title.replace(/[,:].*| \(at .*| of the same$/, '');
      const letters = peersOfLack.get(lack) ?? new Map();
      peersOfLack.set(lack, letters.set(name, (letters.get(name) ?? new Set()).add(letter)));
    }
  const lines = [...peersOfLack].map(([lack, letters]) => {
    const named = [...letters].map(([name, cases]) => `${name} (${[...cases].join(', ')})`);
    return `- ${named.join('; ')}: ${lack}.`;
  });
  return lines.length > 0 ? `## What other peers lose, or do not do\n\n${lines.join('\n')}\n` : '';
}
