/** The shape of a rule of the table, and groups of values that several rules share. */
import type { Act, Case, Fault, Truth } from './case.js';

export interface Rule {
  name: string;
  when: { readonly [Field in keyof Case]?: readonly Case[Field][] };
  truth: Truth | ((of: Case) => Truth);
  faults?: readonly Fault[];
  acts?: readonly Act[] | ((of: Case) => readonly Act[]);
}

export const STORED: readonly Case['row'][] = ['stored', 'unconfirmed', 'learned', 'pruned'];
export const UNDER_WAY: readonly Case['row'][] = ['none', 'carried', 'planned', 'manifested'];
export const SEALED_FILE: readonly Case['sealed'][] = ['file', 'copy'];
export const NOT_MINE: readonly Case['path'][] = ['free', 'others_line', 'foreign'];
export const WRITTEN: readonly Case['line'][] = ['there', 'twice'];
/** Jobs that end by themselves. */
export const ENDING: readonly Case['job'][] = ['putting_away', 'giving_up', 'taking_out'];
