"""A plain ingestor: scan, hash, line, move, with the state of each file in SQLite and one commit for each step.

What such programs do well is done well here: WAL, a primary key that makes a content unique, states that a restart goes on from.
It does not look for writers, and syncs nothing but what SQLite does by default.
"""
import argparse
import datetime
import hashlib
import json
import os
import shutil
import sqlite3
import time

SKIPPED_SUFFIXES = (".tmp", ".part", ".swp", ".ok")
SCHEMA = """
CREATE TABLE IF NOT EXISTS ingestion_state (
  source_path TEXT PRIMARY KEY, device INTEGER, inode INTEGER, size INTEGER, mtime INTEGER,
  sha256 TEXT, warehouse_path TEXT, state TEXT NOT NULL, created_at REAL, updated_at REAL);
CREATE INDEX IF NOT EXISTS by_content ON ingestion_state (sha256);
CREATE INDEX IF NOT EXISTS by_state ON ingestion_state (state);
"""


class Ingestor:
    def __init__(self, args):
        self.args = args
        self.db = sqlite3.connect(args.state_path)
        self.db.execute("PRAGMA journal_mode=WAL")
        self.db.executescript(SCHEMA)

    def candidates(self):
        for folder, folders, names in os.walk(self.args.input):
            folders[:] = [name for name in folders if not name.startswith(".")]
            for name in names:
                if not name.startswith(".") and not name.endswith(SKIPPED_SUFFIXES):
                    yield os.path.join(folder, name)

    def is_complete(self, path):
        if self.args.mode == "sidecar":
            return os.path.exists(path + ".ok")
        return time.time() - os.stat(path).st_mtime >= self.args.stability_seconds

    def note(self, path, **fields):
        fields["updated_at"] = time.time()
        names = ", ".join(f"{name} = ?" for name in fields)
        self.db.execute(f"UPDATE ingestion_state SET {names} WHERE source_path = ?", (*fields.values(), path))
        self.db.commit()

    def discover(self, path):
        stat = os.stat(path)
        now = time.time()
        self.db.execute(
            "INSERT OR REPLACE INTO ingestion_state VALUES (?, ?, ?, ?, ?, NULL, NULL, 'DISCOVERED', ?, ?)",
            (path, stat.st_dev, stat.st_ino, stat.st_size, int(stat.st_mtime), now, now),
        )
        self.db.commit()
        return stat

    def ingest(self, path):
        stat = self.discover(path)
        digest = sha256_of(path)
        if self.db.execute("SELECT 1 FROM ingestion_state WHERE sha256 = ? AND state = 'MOVED'", (digest,)).fetchone():
            os.unlink(path)
            self.note(path, state="SKIPPED_DUPLICATE", sha256=digest)
            return
        self.note(path, state="HASHED", sha256=digest)
        now = datetime.datetime.now(datetime.timezone.utc)
        self.append(now, path, digest, stat)
        self.note(path, state="MANIFESTED")
        self.note(path, state="MOVED", warehouse_path=self.move(now, path))
        print("stored", path, flush=self.args.tell)

    def append(self, now, path, digest, stat):
        folder = os.path.join(self.args.manifests, now.strftime("%Y/%m/%d/%H"))
        os.makedirs(folder, exist_ok=True)
        record = {
            "path": path, "sha256": digest, "device": stat.st_dev, "inode": stat.st_ino,
            "size": stat.st_size, "mtime": int(stat.st_mtime),
        }
        with open(os.path.join(folder, "manifest.jsonl"), "a") as manifest:
            manifest.write(json.dumps(record) + "\n")

    def move(self, now, path):
        folder = os.path.join(self.args.warehouse, now.strftime("ingest_date=%Y-%m-%d"))
        os.makedirs(folder, exist_ok=True)
        target = os.path.join(folder, os.path.basename(path))
        shutil.move(path, target)
        if self.args.mode == "sidecar":
            os.unlink(path + ".ok")
        return target

    def run(self):
        while True:
            for path in self.candidates():
                if self.args.discover:
                    self.discover(path)
                elif self.is_complete(path):
                    self.ingest(path)
            if self.args.once or self.args.discover:
                return
            time.sleep(self.args.poll_seconds)


def sha256_of(path):
    digest = hashlib.sha256()
    with open(path, "rb") as source:
        while block := source.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("--input", "--warehouse", "--manifests", "--state-path"):
        parser.add_argument(name, required=True)
    parser.add_argument("--mode", choices=("stability", "sidecar"), default="stability")
    parser.add_argument("--stability-seconds", type=float, default=0)
    parser.add_argument("--poll-seconds", type=float, default=1)
    parser.add_argument("--once", action="store_true", help="end after one scan")
    parser.add_argument("--discover", action="store_true", help="only note what is there")
    parser.add_argument("--tell", action="store_true", help="say at once what was stored")
    Ingestor(parser.parse_args()).run()


main()
