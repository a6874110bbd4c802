/** The two clocks of the notifier. A test has its own. */
export interface Clock {
  /** Monotonic, independent of the wall clock. */
  ms(): number;
  wallMs(): number;
}

export const clock: Clock = { ms: () => performance.now(), wallMs: () => Date.now() };
