/**
 * The figures of the README, taken from docs/crash-report.md: faults for each guarantee, and the measured build.
 * `npm run crash` writes them, and test/readme.test.ts compares: the README claims only figures of the report.
 */
import { isPart } from './parts.js';

export interface MeasuredBuild {
  digest: string;
  commit: string | undefined;
  date: string | undefined;
}

const BUILD = /^- `([0-9a-f]{12})`(?:, commit `([0-9a-f]+\+?)`)?(?:, (\d{4}-\d\d-\d\d))?: /gm;

/** In the order in which they were measured. */
export const buildsIn = (report: string): MeasuredBuild[] =>
  [...report.matchAll(BUILD)].map(([, digest, commit, date]) => ({ digest: digest!, commit, date }));

/** A line of its own, that begins like this. */
const MEASURED = /^Measured on .*$/m;

/** The README with the figures of the report in the places of its own. */
export function withFigures(readme: string, report: string): string {
  return readme
    .replace(MEASURED, () => measuredOn(report))
    .replace(/^(\|[^|]*\|[^|]*\| )[\d,]+: ([^|]+?)( \|.*)$/gm, (_, before: string, parts: string, after: string) => {
      const faults = parts.split(', ').reduce((sum, part) => sum + faultsOf(report, part), 0);
      return `${before}${faults.toLocaleString('en-US')}: ${parts}${after}`;
    });
}

/** The measured build, not the current one: this stays true when the code changes. */
function measuredOn(report: string): string {
  const builds = buildsIn(report);
  const begun = /, begun (\d{4}-\d\d-\d\d)T/.exec(report)?.[1];
  const names = builds.map(({ digest, commit }) => `\`${digest}\`${commit ? ` (commit \`${commit}\`)` : ''}`);
  const from = builds.find(({ commit }) => commit)?.commit?.replace('+', '');
  const since = from ? `: \`git log --oneline ${from}.. -- bin queue src\`` : '';
  return `Measured on ${builds.length > 1 ? 'the builds' : 'build'} ${names.join(', ')}, ${begun}. Later changes are not in these figures${since}.`;
}

function faultsOf(report: string, part: string): number {
  if (!isPart(part)) throw new Error(`the README counts the faults of "${part}", which is no part of the harness`);
  const row = new RegExp(`^\\| ${part}: [^|]*\\| \\d+ \\| (\\d+) \\|`, 'm').exec(report);
  return Number(row?.[1] ?? 0);
}
