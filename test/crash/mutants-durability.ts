/** The mutants that break the order on disk: power cuts find them, or the order of the calls itself. */
import type { Mutant } from './mutants-shape.js';

/** Syncs, but long after the commit that should have waited for it. */
const LATE = `async function lateSync(path) {
  const { spawn } = process.getBuiltinModule('node:child_process');
  setTimeout(() => spawn('sync', ['-f', path], { stdio: 'ignore' }), 300);
}`;
const SYNC_LATE = '{ sync: () => lateSync(batch.files.roots.work) })';

export const durabilityMutants: readonly Mutant[] = [
  {
    name: 'no_file_fsync',
    breaks: 'the bytes of an upload are not synced before its hash is committed',
    run: 'power joined',
    edits: { 'src/ingest/stages/hash.js': [['await syncFiles(', 'await (async () => {})(']] },
  },
  {
    name: 'no_copy_fsync',
    breaks: 'the copy in the warehouse is not synced',
    run: 'power apart',
    edits: { 'src/files/copy.js': [['await blocking.fsync(fd);', '']] },
  },
  {
    name: 'no_directory_fsync',
    breaks: 'no directory is synced after a rename',
    run: 'power joined',
    edits: { 'src/files/dirty.js': [['async sync() {', 'async sync() { this.#paths.clear();']] },
  },
  {
    name: 'hash_before_bytes',
    breaks: 'the hash is committed before the bytes are synced',
    run: 'power joined',
    edits: {
      'src/ingest/stages/hash.js': [
        ['await syncFiles(', 'await lateSync(batch.files.roots.work, '],
        ['', LATE],
      ],
    },
  },
  {
    name: 'sealed_before_sync',
    breaks: 'the seal is committed before its renames are synced',
    run: 'call order',
    edits: {
      'src/ingest/stages/verify-complete.js': [
        ['handled, dirty)', `handled, ${SYNC_LATE}`],
        ['', LATE],
      ],
    },
  },
  {
    name: 'stored_before_sync',
    breaks: '*stored* is committed before the target is synced',
    run: 'power joined',
    edits: {
      'src/ingest/stages/move.js': [
        ['all, dirty)', `all, ${SYNC_LATE}`],
        ['', LATE],
      ],
    },
  },
  {
    name: 'unlink_before_commit',
    breaks: 'the source is removed as soon as its copy has its name, before *stored* is committed',
    run: 'call order',
    edits: {
      'src/ingest/stages/move.js': [
        [
          "if (put !== 'renamed')\n        return stored",
          `if (put === 'copied') {
            const source = batch.files.workEntry(job, partOf(job));
            if (statEntry(source)) unlinkAt(source.dir, source.name);
          }
          if (put !== 'renamed')
            return stored`,
        ],
      ],
    },
  },
  {
    name: 'no_line_sync',
    breaks: 'a manifest line is confirmed without having been synced',
    run: 'power apart',
    edits: { 'src/ingest/manifest/append.js': [['await fdatasyncAsync(fd);', '']] },
  },
  {
    name: 'synchronous_normal',
    breaks: 'the database does not sync its log at each commit',
    run: 'power apart',
    edits: { 'queue/sqlite/pragmas.js': [["'synchronous = FULL'", "'synchronous = NORMAL'"]] },
  },
];
