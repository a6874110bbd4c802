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

export const textOf = ({ level, about, what, remedy }: Finding): string =>
  `${level.padEnd(4)}  ${about}: ${what}${remedy === undefined ? '' : `; ${remedy}`}`;
