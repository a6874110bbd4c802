/** docs/crash-report.md, written from a journal: the faults, their number and place, and the results. */
import { cpus, release } from 'node:os';
import type { Build } from './build.js';
import { type Call, ERRORS } from './control.js';
import type { OpenGrounds } from './grounds.js';
import type { Entry, Journal } from './journal.js';
import { PART_NAMES, PARTS, type Part } from './parts.js';
import { faultsOf } from './plan.js';
import { pointOf } from './points.js';
import { pointsOf } from './report-points.js';

export function reportOf(journal: Journal, calls: readonly Call[], { crossed }: OpenGrounds): string {
  const { entries, head } = journal;
  const violated = entries.filter(({ violations }) => violations.length > 0);
  const untested = new Set(entries.flatMap(({ untested }) => untested ?? []));
  if (!crossed) untested.add('the copy to another filesystem');
  const total = totalOf(entries);
  return [
    '# Crash report',
    '',
    'For maintainers: which faults were injected, and what they did. `npm run crash` writes it; nothing in it is typed by hand.',
    '',
    `${head.short ? 'The short form. ' : ''}Version ${head.version}, seed \`${head.seed}\`, begun ${head.begun}. ${cpus().length} cores (${cpus()[0]?.model.trim()}), Linux ${release()}, Node ${process.version}.`,
    '',
    `**${total.kills} kills, ${total.failures} rounds with failing calls, ${total.cuts} power cuts: ${total.kills + total.failures + total.cuts} in all. ${violated.length} rounds with a violation.**`,
    `A run of the scene without a fault makes ${calls.length} calls that may change a file, at ${new Set(calls.map(pointOf)).size} distinct points (stage, call, path).`,
    ...buildsOf(entries),
    ...[...untested].map((what) => `\nNot tested: ${what}.`),
    '',
    '| part | rounds | faults reached | violations | after `ingest-ctl retry` |',
    '|---|--:|--:|--:|--:|',
    ...PART_NAMES.map((part) => rowOf(part, entries)),
    '',
    ...errorsOf(entries),
    ...powerOf(entries),
    ...frozenOf(entries),
    ...mutantsOf(entries),
    ...adversariesOf(entries),
    ...pointsOf(entries, calls),
    ...(journal.mended.length === 0
      ? []
      : ['## Violated once, and run again after a mend of product or harness', '', ...journal.mended.map(toldOf), '']),
    ...(violated.length === 0 ? [] : ['## Violations', '', ...violated.map(toldOf), '']),
  ].join('\n');
}

const partOf = (entries: readonly Entry[], part: Part): Entry[] => entries.filter((entry) => entry.part === part);

const reachedIn = ({ points }: Entry): number => points.filter((point) => point != null).length;

const sum = (numbers: readonly number[]): number => numbers.reduce((all, n) => all + n, 0);

const counted = (entries: readonly Entry[], what: string): number =>
  sum(entries.map(({ counts }) => counts?.[what] ?? 0));

function totalOf(entries: readonly Entry[]): { kills: number; failures: number; cuts: number } {
  const failing = partOf(entries, 'error');
  return {
    kills: sum(entries.filter(({ part }) => part !== 'error').map(reachedIn)),
    failures: sum(failing.map(reachedIn)),
    cuts: counted(partOf(entries, 'power'), 'cuts'),
  };
}

function rowOf(part: Part, entries: readonly Entry[]): string {
  const of = partOf(entries, part);
  const reached = sum(of.map(reachedIn)) + counted(of, 'cuts') + counted(of, 'moments');
  const violated = of.filter(({ violations }) => violations.length > 0).length;
  return `| ${part}: ${PARTS[part]} | ${of.length} | ${reached} | ${violated} | ${of.filter(({ retried }) => retried).length} |`;
}

/** The builds of the rounds, if a fix came in between. */
function buildsOf(entries: readonly Entry[]): string[] {
  const builds = new Map(entries.flatMap(({ build }) => (build ? [[build.digest, build]] : [])));
  const toldOfBuild = ({ digest, commit, date }: Build): string => {
    const of = entries.filter(({ build }) => build?.digest === digest);
    const parts = PART_NAMES.map((part) => [part, partOf(of, part).length] as const).filter(([, rounds]) => rounds > 0);
    const measured = commit === undefined ? date : `commit \`${commit}\`, ${date}`;
    return `- \`${digest}\`, ${measured}: ${parts.map(([part, rounds]) => `${part} ${rounds}`).join(', ')}`;
  };
  return ['', 'Rounds by build (a digest of bin, queue and src):', ...[...builds.values()].map(toldOfBuild)];
}

function errorsOf(entries: readonly Entry[]): string[] {
  const hit = partOf(entries, 'error').filter((entry) => reachedIn(entry) > 0);
  const times = (kind: string, error: string) =>
    hit.filter(({ name }) => faultsOf(name)?.some((fault) => fault.kind === kind && fault.error === error)).length;
  return [
    '## Errors injected',
    '',
    '| error | once | from there on |',
    '|---|--:|--:|',
    ...ERRORS.map((error) => `| ${error} | ${times('fail once', error)} | ${times('fail from there on', error)} |`),
    '',
  ];
}

function powerOf(entries: readonly Entry[]): string[] {
  const worlds = partOf(entries, 'power');
  const disks = [...new Set(worlds.flatMap(({ counts }) => Object.keys(counts ?? {})))].filter((key) => / /.test(key));
  if (disks.length === 0) return [];
  const of = (what: string) => counted(worlds, what);
  // A key is `layout disk filesystem shutdown`.
  const words = (from: number, to: number) =>
    [...new Set(disks.map((key) => key.split(' ').slice(from, to).join(' ')))].sort();
  const [places, ways] = [words(0, 2), words(2, 4)];
  return [
    '## Power cuts',
    '',
    `${of('cuts')} cuts of all disks at once, in ${worlds.length} worlds under load: ${of('drops')} files dropped, ${of('acknowledged')} logged as stored before a cut and checked after it, ${of('settlements')} times everything brought to its end and compared.`,
    'Layout `apart`: database, input, manifests and warehouse on a disk each; `joined`: the warehouse beside the input. `logflush`: the journal reaches the disk in the moment of the cut; `nologflush`: only what was there already.',
    '',
    `| layout, disk | ${ways.join(' | ')} |`,
    `|---|${ways.map(() => '--:|').join('')}`,
    ...places.map((place) => `| ${place} | ${ways.map((way) => of(`${place} ${way}`)).join(' | ')} |`),
    '',
  ];
}

function frozenOf(entries: readonly Entry[]): string[] {
  const worlds = partOf(entries, 'frozen');
  if (worlds.length === 0) return [];
  const of = (what: string) => counted(worlds, what);
  return [
    '## Frozen instants',
    '',
    `At ${of('moments')} random moments under load everything was stopped, and each of ${of('drops')} dropped contents was whole in the input, a work folder or the warehouse; ${of('underWay')} of them with files under way, ${of('whileFull')} while a duplicate waited and the warehouse was full.`,
    '',
  ];
}

function mutantsOf(entries: readonly Entry[]): string[] {
  const judged = partOf(entries, 'mutants').filter(({ mutant }) => mutant !== undefined);
  if (judged.length === 0) return [];
  const caught = judged.filter(({ violations, untested }) => violations.length === 0 && untested === undefined).length;
  const rowOfMutant = ({ name, mutant, untested, violations }: Entry): string => {
    const { breaks, run, harm, rounds } = mutant!;
    const verdict = untested ?? (violations.length > 0 ? `**not caught**: ${harm.join(', ')}` : harm.join(', '));
    return `| ${name.replace(/^mutant /, '')} | ${breaks} | ${run} | ${verdict} | ${rounds} |`;
  };
  return [
    '## Mutants',
    '',
    `${judged.length} mutants, each with one guarantee broken; ${caught} caught, by the runs that the build as it is passes.`,
    '',
    '| mutant | what is broken | run | violation | after rounds |',
    '|---|---|---|---|--:|',
    ...judged.map(rowOfMutant),
    '',
  ];
}

function adversariesOf(entries: readonly Entry[]): string[] {
  const all = partOf(entries, 'adversaries');
  if (all.length === 0) return [];
  const told = (figures: Entry['figures']) =>
    Object.entries(figures ?? {})
      .map(([what, figure]) => `${what}: ${figure}`)
      .join(', ');
  return [
    '## Adversaries',
    '',
    '| adversary | figures | violations |',
    '|---|---|--:|',
    ...all.map(
      ({ name, figures, untested, violations }) =>
        `| ${name} | ${[told(figures), untested].filter(Boolean).join('. ')} | ${violations.length} |`,
    ),
    '',
  ];
}

const toldOf = ({ name, points, violations }: Entry): string =>
  `- \`${name}\`${points.length > 0 ? ` at ${points.join(' and ')}` : ''}: ${[...new Set(violations.map(({ kind }) => kind))].join(', ')}`;
