/** Both clocks of the process that tells; a test has its own. */
export interface Clock {
  /** Goes on whatever the wall clock does. */
  ms(): number;
  wallMs(): number;
}

export const clock: Clock = { ms: () => performance.now(), wallMs: () => Date.now() };
