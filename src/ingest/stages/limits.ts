/** What keeps a worker small and its files moving, with the reasons. */
export const limits = {
  /** V8's young generation: 230 MB at the most where its default has 269, at the same speed (60,000 files). */
  nodeFlags: ['--max-semi-space-size=4'],
  /** Only smaller files go on into the next stage in one claim. A larger one has its own batch there, so that small ones need not wait. */
  onTheWayBytes: 64 << 20,
} as const;
