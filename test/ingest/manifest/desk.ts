/**
 * A real state and a manifests directory for the tests of appends, with a function that leaves intents as a crash does.
 * Does not: run any stage; no contents are needed to append lines.
 */
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Backend } from '../../../queue/backend.js';
import { Directories } from '../../../src/files/directories.js';
import { openRoot } from '../../../src/ingest/files/feed-files.js';
import { openState } from '../../../src/ingest/ledger/open-state.js';
import { APPEND_COLUMNS, type Append, manifestPath } from '../../../src/ingest/manifest/append.js';
import { appendTo, finishOpen, type ManifestFile, type Written } from '../../../src/ingest/manifest/write.js';
import type { ByteName } from '../../../src/linux/names.js';

export const HOUR = '2030/01/02/03';

export class Desk {
  readonly manifests: string;
  readonly logged: { event: string; [field: string]: unknown }[] = [];
  readonly #root: Directories;

  constructor(
    readonly folder: string,
    readonly backend: Backend,
  ) {
    this.manifests = join(folder, 'manifests');
    mkdirSync(this.manifests, { recursive: true });
    this.#root = new Directories(openRoot(this.manifests));
  }

  get path(): string {
    return join(this.manifests, HOUR, 'manifest.jsonl');
  }

  file(backend = this.backend): ManifestFile {
    return {
      backend,
      emit: (event, fields) => void this.logged.push({ event, ...fields }),
      feed: 'default',
      manifests: this.manifests,
      root: this.#root,
      path: manifestPath(HOUR) as ByteName,
    };
  }

  append(lines: string, backend = this.backend): Promise<Written> {
    return appendTo(this.file(backend), () => ({ lines, items: { rows: [], jobs: [] } }));
  }

  /** An intent at the end of the file, without a byte written. */
  async intent(lines: string, owner = 0): Promise<Append> {
    mkdirSync(dirname(this.path), { recursive: true });
    appendFileSync(this.path, '');
    const { ino, size } = statSync(this.path);
    await this.backend.transact((tx) =>
      tx.run(
        'INSERT INTO appends (feed, file, inode, at, bytes, items, owner) VALUES (?, ?, ?, ?, ?, ?, ?)',
        ...['default', this.path, ino, size, Buffer.from(lines), '{"rows":[],"jobs":[]}', owner],
      ),
    );
    return this.open()!;
  }

  open(): Append | undefined {
    return this.backend.read((r) => r.get<Append>(`SELECT ${APPEND_COLUMNS} FROM appends WHERE file = ?`, this.path));
  }

  /** The work of a process that finds the intent. */
  async redo(): Promise<boolean> {
    return (await finishOpen(this.file(), this.open()!)) === 'finished';
  }

  /** The whole manifest; may also be set, as another program would write it. */
  get text(): string {
    return readFileSync(this.path, 'utf8');
  }
  set text(text: string | Buffer) {
    mkdirSync(dirname(this.path), { recursive: true });
    writeFileSync(this.path, text);
  }

  get inode(): number {
    return statSync(this.path).ino;
  }

  events(): string[] {
    return this.logged.map(({ event }) => event);
  }

  close(): void {
    this.#root.close();
  }
}

export async function createDesk(t: TestContext): Promise<Desk> {
  const folder = mkdtempSync(join(tmpdir(), 'ingest-desk-'));
  const desk = new Desk(folder, await openDeskState(folder));
  t.after(async () => {
    desk.close();
    await desk.backend.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return desk;
}

/** Another owner on the same state. */
export const openDeskState = (folder: string): Promise<Backend> =>
  openState({ statePath: join(folder, 'state.db'), title: 'test', maxAttempts: 8 });
