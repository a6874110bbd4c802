/**
 * The judge: one table that decides what is true about an ingest id, what is wrong, and what to do. The first rule that
 * matches counts. Pure.
 * Guarantees: an act that takes a file away is in the answer only where the file at the path is `mine`.
 * Does not: collect the evidence, or carry out an act.
 */
import type { Act, Case, Fault, Truth, Verdict } from './case.js';

export interface Rule {
  name: string;
  when: { readonly [Field in keyof Case]?: readonly Case[Field][] };
  truth: Truth | ((of: Case) => Truth);
  faults?: readonly Fault[];
  acts?: readonly Act[] | ((of: Case) => readonly Act[]);
}

const UNDER_WAY: readonly Case['row'][] = ['none', 'carried', 'planned', 'manifested'];
const NOT_MINE: readonly Case['path'][] = ['free', 'others_line', 'foreign'];
const WRITTEN: readonly Case['line'][] = ['there', 'twice'];

const asRow = ({ row, path }: Case): Truth => {
  if (row === 'planned') return 'carried';
  if (row === 'none') return 'unknown';
  if (row === 'unconfirmed') return 'gone';
  if (row === 'stored') return path === 'free' ? 'gone' : 'stored';
  return row === 'pruned' || row === 'learned' ? 'stored' : row;
};
/** A row that says less than the disk is brought up to date. */
const enter =
  (act: 'enter_stored' | 'enter_unconfirmed') =>
  ({ row }: Case): readonly Act[] =>
    UNDER_WAY.includes(row) || (row === 'unconfirmed' && act === 'enter_stored') ? [act] : [];
const withdraw = ({ row }: Case): readonly Act[] => (row === 'withdrawn' ? [] : ['mark_withdrawn']);

export const TABLE: readonly Rule[] = [
  // A correction of an operator takes the line back.
  {
    name: 'withdrawn, its file still there',
    when: { back: ['taken_out'], path: ['mine'] },
    truth: 'withdrawn',
    acts: (of) => [...withdraw(of), 'take_out'],
  },
  {
    name: 'withdrawn, and what lies there is not its file',
    when: { back: ['taken_out'] },
    truth: 'withdrawn',
    acts: withdraw,
  },

  // Taken back because the file never arrived.
  {
    name: 'given up, its file there all the same',
    when: { back: ['given_up'], path: ['mine'] },
    truth: 'stored',
    faults: ['corrected_but_there'],
  },
  {
    name: 'given up, and stored by its row',
    when: { back: ['given_up'], row: ['stored', 'unconfirmed'] },
    truth: 'given_up',
    faults: ['row_changed'],
  },
  { name: 'given up', when: { back: ['given_up'] }, truth: 'given_up' },

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
    when: { line: WRITTEN, path: ['mine'] },
    truth: 'stored',
    acts: enter('enter_stored'),
  },
  {
    name: 'its line is there, its file on the way',
    when: { row: UNDER_WAY, line: WRITTEN, path: NOT_MINE, sealed: ['file', 'other_bytes'] },
    truth: 'manifested',
    acts: ['enter_manifested'],
  },
  {
    name: 'its line is there, and its file has left',
    when: { line: WRITTEN, path: NOT_MINE, sealed: ['none', 'file', 'other_bytes'] },
    truth: 'gone',
    acts: enter('enter_unconfirmed'),
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
    truth: asRow,
  },
  { name: 'nobody looked for its line', when: { line: ['not_looked'] }, truth: asRow },

  // No line.
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
    when: { row: ['planned'], line: ['none'], sealed: ['file'] },
    truth: 'carried',
    acts: ['plan_again'],
  },
  {
    name: 'carried, and nobody is under way with it',
    when: { row: ['carried', 'planned'], line: ['none'], job: ['none', 'done'], sealed: ['not_looked'] },
    truth: 'carried',
    faults: ['row_changed'],
  },
  {
    name: 'carried, and no file anywhere',
    when: { row: ['carried', 'planned'], line: ['none'], job: ['none'], sealed: ['none'] },
    truth: 'carried',
    acts: ['free_row'],
  },
  { name: 'carried', when: { row: ['carried', 'planned'], line: ['none'] }, truth: 'carried' },
  { name: 'nothing', when: { row: ['none'], line: ['none'] }, truth: 'unknown' },
];

const fits = (rule: Rule, of: Case): boolean =>
  Object.entries(rule.when).every(([field, values]) =>
    (values as readonly unknown[]).includes(of[field as keyof Case]),
  );

/** The first rule that matches. One matches always. */
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
