/** What a state knows of the buckets of its feeds. Empty in a state that publishes nothing. */
import type { Module } from '../../../queue/index.js';

export const publicationsModule: Module = {
  name: 'publications',
  migrations: [
    `
    -- One row a feed with --publish; it stays when the option is taken away.
    CREATE TABLE buckets (
      feed TEXT PRIMARY KEY,
      -- the store and the address: elsewhere nothing is published yet
      address TEXT NOT NULL,
      -- contents up to this row were there before the option
      before INTEGER NOT NULL,
      -- the row up to which stored contents were looked through for those without a publication; NULL: all were
      cursor INTEGER,
      -- wall-clock ms of the last part's id; the next one is later, also if the clock was set back
      part_ms INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;

    -- One row for each file of a content.
    CREATE TABLE publications (
      content INTEGER NOT NULL,
      -- 0: the content's own file; else its output
      n INTEGER NOT NULL,
      key TEXT NOT NULL,
      -- of a large file, until its object is complete
      upload TEXT,
      -- of the object; NULL: it was not seen there; '': a line says that it is there
      etag TEXT,
      version TEXT,
      -- of the own file: the parts with its line and its correction. part '': it is not published
      part TEXT,
      correction TEXT,
      -- of the own file: 0 once the local files were removed
      is_local INTEGER NOT NULL DEFAULT 1 CHECK (is_local IN (0, 1)),
      PRIMARY KEY (content, n)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX publications_local ON publications (part) WHERE n = 0 AND is_local = 1 AND part > '';
    -- A key means one file of one content.
    CREATE UNIQUE INDEX publications_by_key ON publications (key);
    CREATE INDEX publications_uploading ON publications (upload) WHERE upload IS NOT NULL;

    -- Lines that are not in the bucket yet. A part is removed once it is.
    CREATE TABLE parts (
      id TEXT PRIMARY KEY,
      feed TEXT NOT NULL,
      kind TEXT NOT NULL CHECK (kind IN ('manifests', 'corrections')),
      -- NULL: lines may still be added. Then they never change.
      bytes BLOB
    ) STRICT, WITHOUT ROWID;
    CREATE UNIQUE INDEX parts_open ON parts (feed, kind) WHERE bytes IS NULL;
    CREATE TABLE part_lines (
      part TEXT NOT NULL,
      content INTEGER NOT NULL,
      line TEXT NOT NULL,
      PRIMARY KEY (part, content)
    ) STRICT, WITHOUT ROWID;

    -- Hours with a part, until they have their _SUCCESS.
    CREATE TABLE part_hours (
      feed TEXT NOT NULL,
      hour TEXT NOT NULL,
      PRIMARY KEY (feed, hour)
    ) STRICT, WITHOUT ROWID;
    `,
  ],
};
