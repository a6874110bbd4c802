/**
 * The tables of alarms: the findings as they were sent last, how far each receiver is, and what feeds are expected to
 * deliver. All tables are small: they have current findings, and ended ones that a receiver did not get yet.
 */
export const alarmsModule = {
  name: 'alarms',
  migrations: [
    `
    -- One row for each episode of a finding (src/service/alarms/episodes.ts).
    CREATE TABLE alarms (
      id TEXT PRIMARY KEY,
      -- identifies the finding while it lasts
      key TEXT NOT NULL,
      feed TEXT NOT NULL,
      code TEXT NOT NULL,
      stage TEXT NOT NULL,
      -- distinguishes findings of one code: a place, a pattern, a pid; else ''
      what TEXT NOT NULL,
      -- files, processes or times; as it was sent last
      count INTEGER NOT NULL,
      sentence TEXT NOT NULL,
      release TEXT NOT NULL,
      since_ms INTEGER NOT NULL,
      began_ms INTEGER NOT NULL,
      changed_ms INTEGER NOT NULL,
      -- NULL while it lasts
      ended_ms INTEGER,
      -- numbers of its first and last change; a receiver gets the rows above its own number
      began INTEGER NOT NULL,
      changed INTEGER NOT NULL UNIQUE
    ) STRICT, WITHOUT ROWID;
    CREATE UNIQUE INDEX alarms_open ON alarms (key) WHERE ended_ms IS NULL;

    -- The receivers: 'command', 'webhook'.
    CREATE TABLE alarm_channels (
      name TEXT PRIMARY KEY,
      -- the number of the last change that it got
      told INTEGER NOT NULL DEFAULT 0,
      -- alarms that were given up before it got them
      missed INTEGER NOT NULL DEFAULT 0,
      failing_since_ms INTEGER,
      error TEXT
    ) STRICT, WITHOUT ROWID;

    -- The only process that sends alarms, while it lives; the number of changes so far; the time of its first check, 0: none yet.
    CREATE TABLE alarm_teller (
      one INTEGER PRIMARY KEY CHECK (one = 1),
      owner INTEGER NOT NULL,
      changes INTEGER NOT NULL,
      first_look_ms INTEGER NOT NULL
    ) STRICT;
    INSERT INTO alarm_teller VALUES (1, 0, 0, 0);

    -- Counters of things that happen and do not last, as they were at the last check.
    CREATE TABLE alarm_counts (
      feed TEXT NOT NULL,
      name TEXT NOT NULL,
      value INTEGER NOT NULL,
      -- the value before it began to rise, and when it rose last
      risen_from INTEGER NOT NULL,
      risen_ms INTEGER NOT NULL,
      PRIMARY KEY (feed, name)
    ) STRICT, WITHOUT ROWID;

    -- The files that feeds are expected to deliver, and when a file that matches was last stored (or was known already).
    CREATE TABLE expectations (
      feed TEXT NOT NULL,
      glob TEXT NOT NULL,
      -- since when it is expected
      since_ms INTEGER NOT NULL,
      arrived_ms INTEGER,
      -- the producer that has it in its configuration; it counts while that producer lives
      owner INTEGER NOT NULL,
      PRIMARY KEY (feed, glob)
    ) STRICT, WITHOUT ROWID;
    `,
  ],
} as const;
