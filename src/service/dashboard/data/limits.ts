/** Every bound of the dashboard and its API, with its reason. */
export const limits = {
  /** V8's heap: what is shown is bounded, so it needs little. */
  nodeFlags: ['--max-semi-space-size=2', '--max-old-space-size=256'],
  /** A look at the state serves everybody who asks within it. */
  lookEveryMs: 1_000,
  /** An answer is at most so many looks old; for so long after somebody has asked, looks go on. */
  staleLooks: 3,
  askedForMs: 20_000,
  /** Connections at a time; beyond them the one that has been idle longest makes room. */
  connectionsMax: 256,
  /** Pages that are open: each gets what is made once. */
  streamsMax: 200,
  /** A page that takes nothing for so many looks is dropped: its browser connects again when it can. */
  skippedLooksMax: 30,
  /** The browser waits so long before it connects again. */
  streamRetryMs: 1_000,
  /** A request has to come in time: its headers within this, all of it within that. */
  headersTimeoutMs: 5_000,
  requestTimeoutMs: 10_000,
  keepAliveMs: 5_000,
  headerBytesMax: 8_192,
  bodyBytesMax: 65_536,
  /** Of `?path=`: a path of Linux has 4,095 bytes. */
  pathCharsMax: 4_096,
  /** Of `/trace?n=`, and on the page. */
  traceMax: 100,
  traceDefault: 10,
  /** Smaller files are read before anybody asks how far. */
  progressBytesMin: 16 << 20,
  /** Of `/errors?limit=`, and on the page. */
  heldMax: 500,
  heldDefault: 50,
  /** Of `/held?limit=`: folders. */
  foldersMax: 500,
  foldersDefault: 20,
  /** Jobs that one request may name. */
  namedJobsMax: 1_000,
  /** Searches that wait for their turn, and how long one may take: a dead mount answers never. */
  searchesMax: 16,
  searchMs: 10_000,
  /** How long the history is searched for a part of a name, and how many files are listed (`/search?limit=`). */
  scanMs: 3_000,
  hitsMax: 200,
  hitsDefault: 50,
  /** The free space of the places is asked for again after so long, while somebody looks. */
  freeSpaceEveryMs: 5_000,
  /** A series of figures serves everybody who asks for the same within so long; so many of them are kept. */
  seriesForMs: 5_000,
  seriesMax: 64,
} as const;
