/**
 * What the state of a host that has joined a shared ledger keeps for it: who the host is there, by which claim the others know what it
 * carries, and what they have not been told yet.
 * Guarantees: whatever stores a content or gives it up, in whichever program, notes it in the outbox in the same transaction: triggers
 * do, and they are there only where the state has joined. Without them nothing of a file's way is written twice.
 */
export const sharedModule = {
  name: 'shared',
  migrations: [
    `
    CREATE TABLE shared_host (
      one INTEGER PRIMARY KEY CHECK (one = 1),
      -- a UUID
      id TEXT NOT NULL,
      name TEXT NOT NULL,
      -- of the shared ledger, without a user or a password
      ledger TEXT NOT NULL,
      -- decimal
      incarnation TEXT NOT NULL,
      -- 1 once the others know all that this host had stored before
      joined INTEGER NOT NULL,
      -- number in the outbox of what they were told last
      told INTEGER NOT NULL DEFAULT 0
    ) STRICT;

    -- Of contents that are on their way. A claim is a UUID.
    CREATE TABLE shared_claims (
      content INTEGER PRIMARY KEY,
      claim TEXT NOT NULL,
      -- why its file is held, as the others were told
      held TEXT,
      -- 1: another host has it now, since the shared ledger had lost this one's row, or was told that this host is gone
      elsewhere INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE INDEX shared_claims_by_claim ON shared_claims (claim);

    -- AUTOINCREMENT: the others know by its number how much they were told.
    CREATE TABLE shared_outbox (
      n INTEGER PRIMARY KEY AUTOINCREMENT,
      kind TEXT NOT NULL CHECK (kind IN ('stored', 'released', 'permitted', 'withdrawn')),
      feed TEXT NOT NULL,
      sha256 BLOB NOT NULL,
      generation INTEGER NOT NULL,
      -- NULL: nobody was told that it is carried
      claim TEXT,
      job TEXT,
      ingest_id TEXT,
      target BLOB,
      size INTEGER
    ) STRICT;
    CREATE INDEX shared_outbox_by_hash ON shared_outbox (sha256);
    `,
  ],
} as const;

const NOTED = (kind: string, of: string): string => `
  INSERT INTO shared_outbox (kind, feed, sha256, generation, claim, job, ingest_id, target, size)
  VALUES ('${kind}', ${of}.feed, ${of}.sha256, ${of}.generation, (SELECT claim FROM shared_claims WHERE content = ${of}.row),
          ${of}.carrier, ${of}.ingest_id, ${of}.target, ${of}.size);
  DELETE FROM shared_claims WHERE content = ${of}.row;`;

/** In the transaction in which a host joins. */
export const OUTBOX_TRIGGERS = [
  `CREATE TRIGGER IF NOT EXISTS shared_stored AFTER UPDATE OF state ON contents
   WHEN NEW.state = 'stored' AND OLD.state <> 'stored' BEGIN ${NOTED('stored', 'NEW')} END`,
  `CREATE TRIGGER IF NOT EXISTS shared_learned AFTER INSERT ON contents
   WHEN NEW.state = 'stored' BEGIN ${NOTED('stored', 'NEW')} END`,
  `CREATE TRIGGER IF NOT EXISTS shared_released AFTER DELETE ON contents
   WHEN OLD.state <> 'stored' BEGIN ${NOTED('released', 'OLD')} END`,
  `CREATE TRIGGER IF NOT EXISTS shared_permitted AFTER INSERT ON exceptions
   WHEN NEW.kind = 'allow_again' BEGIN
     INSERT INTO shared_outbox (kind, feed, sha256, generation) VALUES ('permitted', NEW.feed, NEW.sha256, NEW.generation); END`,
  `CREATE TRIGGER IF NOT EXISTS shared_withdrawn AFTER INSERT ON exceptions
   WHEN NEW.kind = 'withdraw' BEGIN
     INSERT INTO shared_outbox (kind, feed, sha256, generation) VALUES ('withdrawn', NEW.feed, NEW.sha256, NEW.generation); END`,
];
