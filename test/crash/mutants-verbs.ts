/** The mutants of an operator's verbs: each breaks one guarantee of withdraw, prune or a restored backup. */
import type { Mutant } from './mutants-shape.js';

export const verbMutants: readonly Mutant[] = [
  {
    name: 'withdraw_before_correction',
    breaks: 'a withdrawn file is taken out before its correction is written',
    run: 'corrections fail',
    edits: {
      'src/ingest/stages/put-away.js': [
        [
          'const toCorrect = correctionsOf(jobs, batch);',
          `for (const job of jobs) if (job.facts.putAway.kind === 'withdrawn') await takeOut(job, batch);
           const toCorrect = correctionsOf(jobs, batch);`,
        ],
      ],
    },
  },
  {
    name: 'prune_without_hash',
    breaks: 'a record is pruned with what recognises its content',
    run: 'call order',
    edits: {
      'src/ingest/ledger/pruned.js': [['void tx.run(KEEP, feed, sha256, generation, hour)', 'undefined']],
    },
  },
  {
    name: 'restore_unchecked',
    breaks: 'a line that the restored state does not know is accepted at a start',
    run: 'restored backup',
    edits: {
      'src/ingest/upkeep/check-manifests.js': [
        [
          'export async function checkManifestsKnown(state, feed) {',
          "export async function checkManifestsKnown(state, feed) { if (feed !== '') return;",
        ],
      ],
    },
  },
];
