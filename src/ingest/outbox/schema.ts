/**
 * The tables of a state that has joined a shared ledger: the host that it is there, the claims of the contents on their way, and
 * the outbox of changes that were not sent yet.
 * Guarantees: any program that stores a content or gives it up notes that in the outbox, in the same transaction. Triggers do it.
 * They exist only in a state that has joined, so other states write nothing twice.
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
      -- address of the shared ledger, without user and password
      ledger TEXT NOT NULL,
      -- decimal
      incarnation TEXT NOT NULL,
      -- 1 after everything that this host had stored before was sent
      joined INTEGER NOT NULL,
      -- number of the last outbox entry that was sent
      told INTEGER NOT NULL DEFAULT 0
    ) STRICT;

    -- One row for each content on its way. A claim is a UUID.
    CREATE TABLE shared_claims (
      content INTEGER PRIMARY KEY,
      claim TEXT NOT NULL,
      -- why its file is held, as it was last sent
      held TEXT,
      -- 1: another host has it now, because the shared ledger lost this host's row, or an operator said that this host is gone
      elsewhere INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE INDEX shared_claims_by_claim ON shared_claims (claim);

    -- AUTOINCREMENT: the shared ledger keeps the number of the last entry that it got.
    CREATE TABLE shared_outbox (
      n INTEGER PRIMARY KEY AUTOINCREMENT,
      kind TEXT NOT NULL CHECK (kind IN ('stored', 'released', 'permitted', 'withdrawn')),
      feed TEXT NOT NULL,
      sha256 BLOB NOT NULL,
      generation INTEGER NOT NULL,
      -- NULL: the shared ledger never had it as carried
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

/** Made in the transaction in which a host joins. */
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
