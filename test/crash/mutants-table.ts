/**
 * The mutants: one guarantee of the product broken in each, as edits of its compiled modules, with the runs that must
 * notice it. A harness that passes a mutant proves nothing about the real build.
 * Does not: exist in the product; test/crash/mutants-switch.ts brings one in by Node's module hooks.
 */
import assert from 'node:assert/strict';
import { durabilityMutants } from './mutants-durability.js';
import { outputMutants } from './mutants-outputs.js';
import type { Edit, Mutant } from './mutants-shape.js';
import { verbMutants } from './mutants-verbs.js';

export const mutants: readonly Mutant[] = [
  ...durabilityMutants,
  ...verbMutants,
  ...outputMutants,
  {
    name: 'append_without_intent',
    breaks: 'lines are written before their plan is committed',
    run: 'kills at lines',
    edits: {
      'src/ingest/manifest/append.js': [
        [
          'return { append: { id: Number(lastInsertRowid), feed, file, inode, at, bytes, items, owner } };',
          `const append = { id: Number(lastInsertRowid), feed, file, inode, at, bytes, items, owner };
           const fs = process.getBuiltinModule('node:fs');
           const fd = fs.openSync(file, 'r+');
           fs.writeSync(fd, bytes, 0, bytes.length, at);
           fs.closeSync(fd);
           confirmAppend(tx, append);
           return { append };`,
        ],
      ],
    },
  },
  {
    name: 'cut_not_redo',
    breaks: 'what a crash left of an append is cut off before it is written again',
    run: 'append kills',
    edits: {
      'src/ingest/manifest/finish.js': [
        [
          'const fd = openManifest(root, path);',
          `const fd = openManifest(root, path);
           const fs = process.getBuiltinModule('node:fs');
           if (fs.fstatSync(fd).size > append.at) {
             fs.ftruncateSync(fd, append.at);
             await new Promise((resolve) => setTimeout(resolve, 50));
           }`,
        ],
      ],
    },
  },
  {
    name: 'ledger_outside',
    breaks: 'the ledger is written in a transaction of its own, after the settlement',
    run: 'kill at stored',
    edits: {
      'src/ingest/stages/move.js': [
        [
          '=> recordAll(tx, batch, jobs, durable, settled)',
          '=> setTimeout(() => batch.backend.transact((late) => recordAll(late, batch, jobs, durable, settled)).catch(() => {}), 100)',
        ],
      ],
    },
  },
  {
    name: 'data_before_sidecar',
    breaks: 'the file is sealed before its sidecar',
    run: 'kills at seals',
    edits: {
      'src/ingest/calls/seal.js': [
        ['        moveOne(seal, part, path);\n', ''],
        ['        if (read)\n', "        moveOne(seal, 'file', path);\n        if (read)\n"],
      ],
    },
  },
  {
    name: 'stolen_and_unfenced',
    breaks: 'jobs are taken from an owner whose lock is held, and a settlement ignores owner and claim_no',
    run: 'stopped worker',
    edits: {
      'queue/owners.js': [
        [
          'isAlive(id) {',
          `isAlive(id) {
            if (id === this.#mine?.owner) return true;
            try {
              const stat = process.getBuiltinModule('node:fs').readFileSync('/proc/' + this.slot(id)?.pid + '/stat', 'utf8');
              if (/\\) T /.test(stat)) return false;
            } catch {}`,
        ],
      ],
      'queue/sqlite/tx.js': [
        [
          "WHERE id = ? AND state = 'claimed' AND owner = ? AND claim_no = ?\";",
          'WHERE id = ? AND (1 OR owner = ? OR claim_no = ?)";',
        ],
      ],
      'queue/sqlite/settle.js': [
        [
          "WHERE id = ? AND state = 'claimed' AND owner = ? AND claim_no = ?",
          'WHERE id = ? AND (1 OR owner = ? OR claim_no = ?)',
        ],
      ],
    },
  },
  {
    name: 'no_probe_before_seal',
    breaks: 'a file is sealed without asking whether somebody has it open',
    run: 'open writer',
    edits: { 'src/ingest/calls/seal.js': [["if (before.writer === 'writer')", 'if (false)']] },
  },
  {
    name: 'no_probe_at_all',
    breaks: 'neither the seal nor the hash asks for writers, before or after',
    run: 'racing writers',
    edits: {
      'src/linux/lease.js': [
        ['export function probeLease(fd) {', "export function probeLease(fd) {\n if (fd >= 0) return 'free';"],
      ],
    },
  },
  {
    name: 'overwrite_on_collision',
    breaks: 'a rename overwrites what lies there',
    run: 'collision',
    edits: { 'src/linux/entries.js': [['const RENAME_NOREPLACE = 1;', 'const RENAME_NOREPLACE = 0;']] },
  },
  {
    name: 'drop_missing_sealed',
    breaks: 'a sealed file that is missing is dropped instead of held',
    run: 'sealed file away',
    edits: {
      'src/ingest/stages/hash.js': [
        ["case 'missing':", "case 'missing': return { outcome: { kind: 'drop', why: 'vanished' } };"],
      ],
    },
  },
  {
    name: 'unlink_before_copy',
    breaks: 'the source is removed as soon as it is open for the copy',
    run: 'frozen instants',
    edits: {
      'src/ingest/warehouse/target.js': [
        [
          'const digest = await copyTo(opened.fd, source.stat, temporary, source.bounds);',
          `unlinkAt(source.entry.dir, source.entry.name);
           const digest = await copyTo(opened.fd, source.stat, temporary, source.bounds);`,
        ],
      ],
    },
  },
  {
    name: 'bell_before_commit',
    breaks: 'the doorbell is rung before the commit',
    run: 'doorbell',
    edits: {
      'queue/sqlite/commit.js': [
        ['if (done)\n            this.afterCommit(this.tx);', ''],
        ["this.rows.run('COMMIT');", "this.afterCommit(this.tx); this.rows.run('COMMIT');"],
      ],
    },
  },
];

/** Conditions under which a run starts its programs, also those of the unchanged build. */
export const conditions: Readonly<Record<string, Mutant['edits']>> = {
  /** A process that misses the doorbell sleeps on. */
  no_net: { 'queue/limits.js': [['dataVersionEveryMs: 1_000', 'dataVersionEveryMs: 3_600_000']] },
};

/** Each edit fits in exactly one place; one without `from` is added at the end. */
export function mutated(source: string, edits: readonly Edit[]): string {
  let text = source;
  for (const [from, to] of edits) {
    if (from === '') text += `\n${to}\n`;
    else {
      const parts = text.split(from);
      assert.equal(parts.length, 2, `a mutant's edit fits ${parts.length - 1} times: ${from}`);
      text = parts.join(to);
    }
  }
  return text;
}

const SWITCH = `--import=${new URL('./mutants-switch.js', import.meta.url).href}?mutant=`;

export const switchedTo = (name: string): NodeJS.ProcessEnv => ({ NODE_OPTIONS: SWITCH + name });

/** The mutant, or the unchanged build, under a condition. */
export const under = (condition: string, { NODE_OPTIONS: options }: NodeJS.ProcessEnv): NodeJS.ProcessEnv => ({
  NODE_OPTIONS: options ? `${options},${condition}` : SWITCH + condition,
});
