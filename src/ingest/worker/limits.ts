/** Limits that keep a worker small and its files moving, with the reasons. */
export const limits = {
  /**
   * V8 lets garbage grow to a part of the heap's limit: with these a worker has at most 210 MB, else 330, for 2 % more CPU (100,000
   * files). What lives are 35 MB.
   */
  nodeFlags: ['--max-semi-space-size=4', '--max-old-space-size=1024'],
} as const;
