/**
 * The tables of alarms: what is wrong as it was told last, how far each receiver was told, what feeds are expected to
 * deliver. All of them are small: rows of what is wrong now, and of what is over and not told yet.
 */
export const alarmsModule = {
  name: 'alarms',
  migrations: [
    `
    -- One row an episode of one trouble (src/service/alarms/episodes.ts).
    CREATE TABLE alarms (
      id TEXT PRIMARY KEY,
      -- which trouble it is, as long as it lasts
      key TEXT NOT NULL,
      feed TEXT NOT NULL,
      code TEXT NOT NULL,
      stage TEXT NOT NULL,
      -- which of several: a place, a pattern, a pid; else ''
      what TEXT NOT NULL,
      -- files, processes, times; as it was told last
      count INTEGER NOT NULL,
      sentence TEXT NOT NULL,
      release TEXT NOT NULL,
      since_ms INTEGER NOT NULL,
      began_ms INTEGER NOT NULL,
      changed_ms INTEGER NOT NULL,
      -- NULL while it lasts
      ended_ms INTEGER,
      -- numbers of the changes with which it began and was changed last; a receiver is told the rows above its own number
      began INTEGER NOT NULL,
      changed INTEGER NOT NULL UNIQUE
    ) STRICT, WITHOUT ROWID;
    CREATE UNIQUE INDEX alarms_open ON alarms (key) WHERE ended_ms IS NULL;

    -- Who is told: 'command', 'webhook'.
    CREATE TABLE alarm_channels (
      name TEXT PRIMARY KEY,
      -- the number of the last change that it was told
      told INTEGER NOT NULL DEFAULT 0,
      -- alarms that were given up before it could be told
      missed INTEGER NOT NULL DEFAULT 0,
      failing_since_ms INTEGER,
      error TEXT
    ) STRICT, WITHOUT ROWID;

    -- The one process that tells, while it lives; the number of changes so far; 0: it has never looked.
    CREATE TABLE alarm_teller (
      one INTEGER PRIMARY KEY CHECK (one = 1),
      owner INTEGER NOT NULL,
      changes INTEGER NOT NULL,
      first_look_ms INTEGER NOT NULL
    ) STRICT;
    INSERT INTO alarm_teller VALUES (1, 0, 0, 0);

    -- Counters that tell of a moment, not of something that lasts: as they were at the last look.
    CREATE TABLE alarm_counts (
      feed TEXT NOT NULL,
      name TEXT NOT NULL,
      value INTEGER NOT NULL,
      -- what it was before it began to rise, and when it rose last
      risen_from INTEGER NOT NULL,
      risen_ms INTEGER NOT NULL,
      PRIMARY KEY (feed, name)
    ) STRICT, WITHOUT ROWID;

    -- What feeds are expected to deliver, and when something that matches was stored (or known already) last.
    CREATE TABLE expectations (
      feed TEXT NOT NULL,
      glob TEXT NOT NULL,
      -- since when it is looked at
      since_ms INTEGER NOT NULL,
      arrived_ms INTEGER,
      -- the producer that has it in its configuration; counts while that lives
      owner INTEGER NOT NULL,
      PRIMARY KEY (feed, glob)
    ) STRICT, WITHOUT ROWID;
    `,
  ],
} as const;
