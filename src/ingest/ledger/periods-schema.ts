/**
 * Periods: the folders of hours and days that get lines and files, and how far each of them is closed (src/ingest/periods/).
 * Two rows an hour at most, of feeds with --success-markers alone; nothing of it is written for a file.
 */
export const periodsModule = {
  name: 'periods',
  migrations: [
    `
    CREATE TABLE periods (
      -- whole path: MANIFESTS/YYYY/MM/DD/HH, or WAREHOUSE/ingest_date=YYYY-MM-DD
      folder TEXT PRIMARY KEY,
      -- 'open': lines may be planned in it; 'closed': no more; 'marking': its token is on disk; 'marked': never again
      state TEXT NOT NULL CHECK (state = 'open' OR state = 'closed' OR state = 'marking' OR state = 'marked'),
      -- who makes its marker; 0: nobody yet
      owner INTEGER NOT NULL DEFAULT 0,
      -- what a closed one waits for: a job, or a sentence
      waits_job TEXT,
      waits_why TEXT,
      -- wall clock, of the last change of its state
      changed_ms INTEGER NOT NULL
    ) WITHOUT ROWID;
    -- Of years of periods, a few are not marked.
    CREATE INDEX periods_unmarked ON periods (folder) WHERE state <> 'marked';
    `,
  ],
} as const;
