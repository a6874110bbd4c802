/**
 * The table of periods: the folders of hours and days that get lines and files, and how far each of them is closed
 * (src/ingest/periods/). At most two rows an hour, only of feeds with --success-markers. No file causes a write here.
 */
export const periodsModule = {
  name: 'periods',
  migrations: [
    `
    CREATE TABLE periods (
      -- whole path: MANIFESTS/YYYY/MM/DD/HH, or WAREHOUSE/ingest_date=YYYY-MM-DD
      folder TEXT PRIMARY KEY,
      -- 'open': lines may be planned in it; 'closed': no more lines; 'marking': its token is on disk; 'marked': final
      state TEXT NOT NULL CHECK (state = 'open' OR state = 'closed' OR state = 'marking' OR state = 'marked'),
      -- the process that makes its marker; 0: none yet
      owner INTEGER NOT NULL DEFAULT 0,
      -- what keeps a closed period from its marker: a job, or a sentence
      waits_job TEXT,
      waits_why TEXT,
      -- wall clock of the last change of its state
      changed_ms INTEGER NOT NULL
    ) WITHOUT ROWID;
    -- In years of periods, only a few are not marked.
    CREATE INDEX periods_unmarked ON periods (folder) WHERE state <> 'marked';
    `,
  ],
} as const;
