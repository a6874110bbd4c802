/**
 * The judge: one table that decides what is true about an ingest id, what is wrong, and what to do. The first rule that
 * matches counts. Pure.
 * Guarantees: an act that takes a file away is in the answer only where the file at the path is `mine`. No act ends a job that
 * is giving up, putting away or taking out: that job goes on.
 * Does not: collect the evidence, or carry out an act.
 */
import type { Act, Case, Fault, Truth, Verdict } from './case.js';
import { CORRECTED } from './corrected.js';
import { ENDING, NOT_MINE, type Rule, SEALED_FILE, STORED, UNDER_WAY, WRITTEN } from './rules.js';

const asRow = ({ row, path }: Case): Truth => {
  if (row === 'planned') return 'carried';
  if (row === 'none') return 'unknown';
  if (row === 'unconfirmed') return 'gone';
  if (row === 'stored') return path === 'free' ? 'gone' : 'stored';
  return row === 'pruned' || row === 'learned' ? 'stored' : row;
};
/** A row that says less than the disk is brought up to date. */
const enter =
  (act: 'enter_stored' | 'enter_unconfirmed', more: readonly Act[]) =>
  ({ row }: Case): readonly Act[] =>
    UNDER_WAY.includes(row) || (row === 'unconfirmed' && act === 'enter_stored') ? [act, ...more] : more;

export const TABLE: readonly Rule[] = [
  { name: 'bytes not read', when: { path: ['unread'] }, truth: 'unknown', acts: ['read_path'] },

  ...CORRECTED,

  // Rows for which the disk has little evidence.
  {
    name: 'pruned, its line gone',
    when: { row: ['pruned'], line: ['none'] },
    truth: 'stored',
    faults: ['line_missing'],
  },
  { name: 'pruned', when: { row: ['pruned'] }, truth: 'stored' },
  { name: 'learned', when: { row: ['learned'] }, truth: 'stored' },
  {
    name: 'withdrawn, nobody looked at corrections',
    when: { row: ['withdrawn'], line: ['not_looked'] },
    truth: 'withdrawn',
  },
  {
    name: 'withdrawn without a correction, its file there',
    when: { row: ['withdrawn'], path: ['mine'] },
    truth: 'stored',
    faults: ['correction_missing'],
  },
  {
    name: 'withdrawn without a correction',
    when: { row: ['withdrawn'] },
    truth: 'withdrawn',
    faults: ['correction_missing'],
  },

  // The line stands.
  { name: 'line and row differ', when: { line: ['differs'] }, truth: asRow, faults: ['line_and_row_differ'] },
  {
    name: 'its line and its file are there',
    when: { line: WRITTEN, path: ['mine'], sealed: ['none', 'not_looked'] },
    truth: 'stored',
    acts: enter('enter_stored', ['end_job']),
  },
  {
    name: 'stored, its sealed file not yet put away',
    when: { line: WRITTEN, path: ['mine'], sealed: SEALED_FILE },
    truth: 'stored',
    acts: enter('enter_stored', ['put_away_sealed']),
  },
  {
    name: 'stored, and its sealed file changed',
    when: { line: WRITTEN, path: ['mine'], sealed: ['other_bytes'] },
    truth: 'stored',
    acts: enter('enter_stored', ['hold_changed_after_copy']),
  },
  {
    name: 'its line is there, its file on the way',
    when: { row: UNDER_WAY, line: WRITTEN, path: NOT_MINE, sealed: SEALED_FILE },
    truth: 'manifested',
    acts: ({ row }) => (row === 'manifested' ? ['adopt_at_move'] : ['enter_manifested', 'adopt_at_move']),
  },
  {
    name: 'stored and taken by a consumer, its sealed file not yet put away',
    when: { row: STORED, line: WRITTEN, path: NOT_MINE, sealed: SEALED_FILE },
    truth: 'gone',
    acts: ['adopt_at_hash'],
  },
  {
    name: 'its line is there, and a sealed file with other bytes',
    when: { line: WRITTEN, path: NOT_MINE, sealed: ['other_bytes'] },
    truth: 'gone',
    acts: enter('enter_unconfirmed', ['adopt_at_hash']),
  },
  {
    name: 'its line is there, and no file anywhere',
    when: { line: WRITTEN, path: NOT_MINE, sealed: ['none'] },
    truth: 'gone',
    acts: enter('enter_unconfirmed', ['end_job']),
  },
  {
    name: 'its line is there, and nobody carries it',
    when: { row: ['manifested'], line: WRITTEN, job: ['none', 'done'], sealed: ['not_looked'] },
    truth: 'manifested',
    faults: ['row_changed'],
  },
  {
    name: 'its line is there, nobody looked for its files',
    when: { line: WRITTEN },
    truth: (of) => (of.row === 'none' ? 'unknown' : asRow(of)),
  },
  { name: 'nobody looked for its line', when: { line: ['not_looked'] }, truth: asRow },

  // No line.
  {
    name: 'its line is being written',
    when: { row: ['planned'], line: ['intent'] },
    truth: 'carried',
    acts: ['redo_append'],
  },
  {
    name: 'manifested, its line and its files gone',
    when: { row: ['manifested'], line: ['none'], sealed: ['none'] },
    truth: 'gone',
    faults: ['line_missing'],
    acts: ['enter_unconfirmed'],
  },
  {
    name: 'stored without a line',
    when: { row: ['manifested', 'stored', 'unconfirmed'], line: ['none'] },
    truth: asRow,
    faults: ['line_missing'],
  },
  {
    name: 'planned, its line not written',
    when: { row: ['planned'], line: ['none'], sealed: SEALED_FILE },
    truth: 'carried',
    acts: ['plan_again'],
  },
  {
    name: 'carried by a job that is under way',
    when: {
      row: ['carried'],
      line: ['none'],
      sealed: [...SEALED_FILE, 'not_looked'],
      job: ['open', 'held', ...ENDING],
    },
    truth: 'carried',
  },
  {
    name: 'carried, and nobody is under way with it',
    when: { row: ['carried', 'planned'], line: ['none'], job: ['none', 'done'], sealed: ['not_looked'] },
    truth: 'carried',
    faults: ['row_changed'],
  },
  {
    name: 'carried by a job that has ended',
    when: { row: ['carried', 'planned'], line: ['none'], job: ['done'] },
    truth: 'carried',
    faults: ['row_changed'],
    acts: ({ sealed }) => (sealed === 'file' || sealed === 'copy' ? ['adopt_at_hash'] : ['free_row']),
  },
  {
    name: 'carried, its sealed file without a job',
    when: { row: ['carried'], line: ['none'], sealed: [...SEALED_FILE, 'other_bytes'] },
    truth: 'carried',
    acts: ['adopt_at_hash'],
  },
  {
    name: 'carried, and no file anywhere',
    when: { row: ['carried', 'planned'], line: ['none'] },
    truth: 'carried',
    acts: ({ job, sealed }) => (job === 'none' && sealed === 'none' ? ['free_row'] : []),
  },
  {
    name: 'a sealed file of which nothing is known',
    when: { row: ['none'], line: ['none'], sealed: [...SEALED_FILE, 'other_bytes'] },
    truth: 'new',
    acts: ({ job }) => (job === 'none' || job === 'done' ? ['adopt_at_hash'] : []),
  },
  { name: 'nothing', when: { row: ['none'], line: ['none'] }, truth: 'new' },

  { name: 'not judged', when: {}, truth: 'unknown', faults: ['not_judged'] },
];

const fits = (rule: Rule, of: Case): boolean =>
  Object.entries(rule.when).every(([field, values]) =>
    (values as readonly unknown[]).includes(of[field as keyof Case]),
  );

/** The first rule that matches. The last rule matches always. */
export const ruleFor = (of: Case): Rule => TABLE.find((rule) => fits(rule, of))!;

export function judge(of: Case): Verdict {
  const { truth, faults = [], acts = [] } = ruleFor(of);
  const twice: readonly Fault[] = of.line === 'twice' && of.back === 'no' ? ['line_twice'] : [];
  return {
    truth: typeof truth === 'function' ? truth(of) : truth,
    faults: [...faults, ...twice],
    acts: typeof acts === 'function' ? acts(of) : acts,
  };
}
