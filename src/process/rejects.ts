/** The bound on records in the output `reject` of a file. */
import { REJECT } from '../base/config/values/process.js';
import type { Outputs } from './chain/outputs.js';
import type { Run } from './chain/run.js';
import { Held } from './formats/fault.js';

/** Returns the number of rejected records. Errors: throws `rejects_too_many`. */
export function rejectedWithin(run: Run, outputs: Outputs, records: number): number {
  const rejected = outputs.made.find(({ tag }) => tag === REJECT)?.rows ?? 0;
  const max = run.options.reject?.max;
  if (max === undefined || rejected <= allowed(max, records)) return rejected;
  const first = run.firstRejected === undefined ? '' : `; the first: ${run.firstRejected}`;
  const reason = `${run.name}: ${rejected} of ${records} records are rejected, and reject.max is ${max}${first}`;
  throw new Held({ code: 'rejects_too_many', reason });
}

/** A share that is a whole number of records may come out a little below it. */
const allowed = (max: number | string, records: number): number =>
  typeof max === 'number' ? max : (Number.parseFloat(max) * records) / 100 + 1e-6;
