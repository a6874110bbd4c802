/** A finding of `ingest-ctl doctor` and its line of text. Pure. */
export interface Finding {
  /** `fail`: ingest cannot work. `warn`: it can, with the named disadvantage. */
  level: 'ok' | 'warn' | 'fail';
  about: string;
  what: string;
  /** The remedy; none if all is well. */
  remedy?: string;
}

export const ok = (about: string, what: string): Finding => ({ level: 'ok', about, what });
export const warn = (about: string, what: string, remedy: string): Finding => ({ level: 'warn', about, what, remedy });
export const fail = (about: string, what: string, remedy: string): Finding => ({ level: 'fail', about, what, remedy });

/** The sentence of an error as a finding: what is to do stands after its last semicolon, or else after its last colon. */
export function said(about: string, sentence: string): Finding {
  const semicolon = sentence.lastIndexOf('; ');
  const at = semicolon < 0 ? sentence.lastIndexOf(': ') : semicolon;
  return at < 0 ? { level: 'fail', about, what: sentence } : fail(about, sentence.slice(0, at), sentence.slice(at + 2));
}

export const textOf = ({ level, about, what, remedy }: Finding): string =>
  `${level.padEnd(4)}  ${about}: ${what}${remedy === undefined ? '' : `; ${remedy}`}`;
