/**
 * Decides whether the file of a content whose line stands was delivered, for the stage that finds no file to move and for the
 * operator who gives the file up. Pure.
 */
import type { Delivered } from '../ledger/stored.js';
import type { Case } from './case.js';
import { judge } from './table.js';

/**
 * `mayHaveLeft`: the sealed file is gone from `underprocess/`, and a claim may have moved it. Undefined: it was not delivered. A
 * sealed file that is gone and was never moved was taken by somebody else, and may come back.
 */
export function deliveredAs(path: Case['path'], mayHaveLeft: boolean): Delivered | undefined {
  const sealed = mayHaveLeft ? 'none' : 'not_looked';
  const { truth } = judge({ row: 'manifested', job: 'open', line: 'there', back: 'no', sealed, path });
  if (truth === 'stored') return truth;
  return truth === 'gone' ? 'unconfirmed' : undefined;
}
