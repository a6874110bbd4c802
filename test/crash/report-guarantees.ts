/**
 * The figures of docs/guarantees.md, taken from docs/crash-report.md: faults by promise, and the build that was measured.
 * `npm run crash` writes them, and test/docs/guarantees.test.ts compares: the page claims only what the report has.
 */
import { isPart } from './parts.js';

export interface MeasuredBuild {
  digest: string;
  commit: string | undefined;
  date: string | undefined;
}

const BUILD = /^- `([0-9a-f]{12})`(?:, commit `([0-9a-f]+\+?)`)?(?:, (\d{4}-\d\d-\d\d))?: /gm;

/** The builds of a report, in the order in which they were measured. */
export const buildsIn = (report: string): MeasuredBuild[] =>
  [...report.matchAll(BUILD)].map(([, digest, commit, date]) => ({ digest: digest!, commit, date }));

/** The one line of the page that names the build. */
const MEASURED = /^Measured on .*$/m;

/** The text of the page, with the figures of the report put in. */
export function withFigures(page: string, report: string): string {
  return page
    .replace(MEASURED, () => measuredOn(report))
    .replace(/^(\|[^|]*\|[^|]*\| )[\d,]+: ([^|]+?)( \|.*)$/gm, (_, before: string, parts: string, after: string) => {
      const faults = parts.split(', ').reduce((sum, part) => sum + faultsOf(report, part), 0);
      return `${before}${faults.toLocaleString('en-US')}: ${parts}${after}`;
    });
}

/** Names the build that was measured, so the sentence stays true when the code changes. */
function measuredOn(report: string): string {
  const builds = buildsIn(report);
  const begun = /, begun (\d{4}-\d\d-\d\d)T/.exec(report)?.[1];
  const names = builds.map(({ digest, commit }) => `\`${digest}\`${commit ? ` (commit \`${commit}\`)` : ''}`);
  const from = builds.find(({ commit }) => commit)?.commit?.replace('+', '');
  const since = from ? `: \`git log --oneline ${from}.. -- bin queue src\`` : '';
  return `Measured on ${builds.length > 1 ? 'the builds' : 'build'} ${names.join(', ')}, ${begun}. Later changes are not in these figures${since}.`;
}

function faultsOf(report: string, part: string): number {
  if (!isPart(part))
    throw new Error(`docs/guarantees.md counts the faults of "${part}", which is no part of the harness`);
  const row = new RegExp(`^\\| ${part}: [^|]*\\| \\d+ \\| (\\d+) \\|`, 'm').exec(report);
  return Number(row?.[1] ?? 0);
}
