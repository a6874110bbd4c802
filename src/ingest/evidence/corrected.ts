/** The rules for a line that a correction takes back, whether that is written or only decided. */
import type { Act, Case } from './case.js';
import { ENDING, type Rule, SEALED_FILE } from './rules.js';

const correction = ({ owed }: Case): readonly Act[] => (owed ? ['write_correction'] : []);
function freed({ row }: Case): readonly Act[] {
  return row === 'carried' || row === 'planned' || row === 'manifested' ? ['free_row'] : [];
}

export const CORRECTED: readonly Rule[] = [
  // Taken back by an operator.
  {
    name: 'being taken out, and other bytes lie there',
    when: { back: ['taken_out'], job: ['taking_out'], path: ['foreign'] },
    truth: 'withdrawn',
    acts: (of) => [...correction(of), 'hold_withdrawn_file_differs'],
  },
  {
    name: 'withdrawn, its file still there',
    when: { back: ['taken_out'], path: ['mine'] },
    truth: 'withdrawn',
    acts: (of) => [...correction(of), ...(of.row === 'withdrawn' ? [] : (['mark_withdrawn'] as const)), 'take_out'],
  },
  {
    name: 'withdrawn, and what lies there is not its file',
    when: { back: ['taken_out'] },
    truth: 'withdrawn',
    acts: (of) => [...correction(of), ...(of.row === 'withdrawn' ? [] : (['mark_withdrawn'] as const))],
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
  { name: 'being given up', when: { back: ['given_up'], job: ENDING }, truth: 'given_up', acts: correction },
  {
    name: 'given up, its sealed file not yet put away',
    when: { back: ['given_up'], sealed: SEALED_FILE },
    truth: 'given_up',
    acts: (of) => [...correction(of), ...freed(of), 'give_up_sealed'],
  },
  {
    name: 'given up',
    when: { back: ['given_up'] },
    truth: 'given_up',
    acts: (of) => [
      ...correction(of),
      ...freed(of),
      ...(of.job === 'open' || of.job === 'held' ? (['end_job'] as const) : []),
    ],
  },
];
