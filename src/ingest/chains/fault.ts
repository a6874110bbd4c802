/** The code and sentence for a file whose chain came to a bad end. */
import type { FileEnd } from './child.js';

export type BadEnd = Extract<FileEnd, { kind: 'bad' | 'died' | 'stuck' }>;

export function faultOf(end: BadEnd): { code: string; reason: string } {
  switch (end.kind) {
    case 'bad': {
      const { code, reason, excerpt } = end;
      const record = excerpt === undefined ? '' : `; the record begins "${excerpt}"`;
      return { code, reason: `${cut(reason.replace(/\.$/, ''))}${record}` };
    }
    case 'stuck': {
      const reason = `no record was finished and no byte read for ${end.seconds} seconds, ${after(end.records)}`;
      return { code: 'process_stuck', reason };
    }
    case 'died':
      return { code: 'process_died', reason: `the process of the chain ${end.how}, ${after(end.records)}` };
  }
}

/** A reason may name a column, and a header may be one name of 16 MiB. It goes into the row, the log and each finding. */
const cut = (reason: string): string =>
  reason.length > REASON_CHARS ? `${reason.slice(0, REASON_CHARS - 1)}…` : reason;
const REASON_CHARS = 1_000;

/** The child reports its position once a second. */
const after = (records: number): string => `after record ${records} or a little later`;
