/** Every bound of the dashboard and its API, with its reason. */
export const limits = {
  /** V8's heap: what is shown is bounded, so it needs little. */
  nodeFlags: ['--max-semi-space-size=2', '--max-old-space-size=256'],
  /** Threads for calls on files. Each folder on a dead mount keeps one, and pages are served by them too: Node's own number is 4. */
  poolThreads: 32,
  /** A snapshot of the state serves every request within this time. */
  snapshotEveryMs: 1_000,
  /** Connections at a time; beyond them the one that has been idle longest makes room. */
  connectionsMax: 256,
  /** Open pages: each gets the same message. */
  streamsMax: 200,
  /** A page that takes nothing for so many snapshots is dropped: its browser connects again when it can. */
  skippedSnapshotsMax: 30,
  /** The browser waits so long before it connects again. */
  streamRetryMs: 1_000,
  /** A request has to come in time: its headers within this, all of it within that. */
  headersTimeoutMs: 5_000,
  requestTimeoutMs: 10_000,
  keepAliveMs: 5_000,
  headerBytesMax: 8_192,
  bodyBytesMax: 65_536,
  /** The bound of `?path=`: a path of Linux has 4,095 bytes. */
  pathCharsMax: 4_096,
  /** The reason of a pause: a sentence. */
  reasonCharsMax: 500,
  /** The bound of `/trace?n=`, and of the page. */
  traceMax: 100,
  traceDefault: 10,
  /** The bound of `/errors?limit=`, and of the page. */
  heldMax: 500,
  heldDefault: 50,
  /** The bound of `/held?limit=`: folders. */
  foldersMax: 500,
  foldersDefault: 20,
  /** Jobs that one request may name. */
  namedJobsMax: 1_000,
  /** Searches that wait for their turn, and how long one may take: a dead mount never answers. */
  searchesMax: 16,
  /** Searches that hang in system calls, each with a thread, before no more are begun. */
  searchesHangingMax: 2,
  searchMs: 10_000,
  /** How long the history is searched for a part of a name, and how many files are listed (`/search?limit=`). */
  scanMs: 3_000,
  hitsMax: 200,
  hitsDefault: 50,
  /** The free space of the places is asked for again after so long, while a page is open. */
  freeSpaceEveryMs: 5_000,
  /** So is the ledger that hosts share. */
  hostsEveryMs: 5_000,
} as const;
