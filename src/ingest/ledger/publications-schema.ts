/** The buckets of the feeds, and how far each content is there. Empty in a state that publishes nothing. */
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
      -- the row up to which contents were looked through for those that no job publishes; NULL: all were
      cursor INTEGER,
      -- the number of the next part; all smaller ones are in the bucket, and were put or read by this state
      next INTEGER NOT NULL,
      -- 1: local files are removed, and their records are needed until then
      removes_local INTEGER NOT NULL CHECK (removes_local IN (0, 1))
    ) STRICT, WITHOUT ROWID;

    -- The hours of a feed whose markers are in its bucket.
    CREATE TABLE bucket_hours (
      feed TEXT NOT NULL,
      hour TEXT NOT NULL,
      PRIMARY KEY (feed, hour)
    ) STRICT, WITHOUT ROWID;

    -- One row for each file of a content, from the moment it is stored.
    CREATE TABLE publications (
      content INTEGER NOT NULL,
      -- 0: the content's own file; else its output
      n INTEGER NOT NULL,
      feed TEXT NOT NULL,
      key TEXT NOT NULL,
      -- of a large file, until its object is complete
      upload TEXT,
      -- of the object; NULL: it was not seen there; '': a line says that it is there
      etag TEXT,
      -- of the own file: the parts with its line and its correction. part NULL: due; '': not published
      part TEXT,
      correction TEXT,
      -- of the own file: 0 once the local files were removed, or went with their warehouse
      is_local INTEGER NOT NULL DEFAULT 1 CHECK (is_local IN (0, 1)),
      PRIMARY KEY (content, n)
    ) STRICT, WITHOUT ROWID;
    -- A key means one file of one content.
    CREATE UNIQUE INDEX publications_by_key ON publications (key);
    CREATE INDEX publications_due ON publications (content) WHERE n = 0 AND part IS NULL;
    CREATE INDEX publications_local ON publications (feed, part) WHERE n = 0 AND is_local = 1 AND part > '';
    CREATE INDEX publications_uploading ON publications (upload) WHERE upload IS NOT NULL;

    -- Lines that are not in the bucket yet, in parts. A part is removed once it is there.
    CREATE TABLE parts (
      -- the order in which they are put
      seq INTEGER PRIMARY KEY,
      id TEXT NOT NULL UNIQUE,
      feed TEXT NOT NULL,
      -- 1: no line is added any more. Only one part of a feed is open.
      is_closed INTEGER NOT NULL DEFAULT 0 CHECK (is_closed IN (0, 1))
    ) STRICT;
    CREATE UNIQUE INDEX parts_open ON parts (feed) WHERE is_closed = 0;
    CREATE TABLE part_lines (
      seq INTEGER PRIMARY KEY,
      part TEXT NOT NULL,
      content INTEGER NOT NULL,
      -- 1: the correction of its line
      is_correction INTEGER NOT NULL CHECK (is_correction IN (0, 1)),
      line TEXT NOT NULL
    ) STRICT;
    CREATE INDEX part_lines_by_part ON part_lines (part);
    CREATE UNIQUE INDEX part_lines_by_content ON part_lines (content, is_correction);
    `,
    `
    -- The hour of its content. A million files may be due, and the index answers for one hour.
    ALTER TABLE publications ADD COLUMN hour TEXT;
    UPDATE publications SET hour = (SELECT hour FROM contents WHERE row = content) WHERE n = 0 AND part IS NULL;
    DROP INDEX publications_due;
    -- Their files went with a warehouse that was replaced.
    UPDATE publications SET is_local = 0 WHERE content IN (SELECT row FROM contents WHERE state = 'unconfirmed');
    CREATE INDEX publications_due ON publications (feed, hour) WHERE n = 0 AND part IS NULL;
    `,
    `
    -- 1: the own file could not be removed from the warehouse, and stays there, with its outputs. It is not tried again.
    ALTER TABLE publications ADD COLUMN is_kept INTEGER NOT NULL DEFAULT 0 CHECK (is_kept IN (0, 1));
    `,
  ],
};
