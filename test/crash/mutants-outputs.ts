/** The mutants that break the guarantees about the outputs of a processed file. */
import type { Mutant } from './mutants-shape.js';

const FIRST = 'of await outputsFirst(open, batch, moved, moveOpen))';
const MOVE_FILES = 'const handled = await moveOpen(files, batch, moved);';

export const outputMutants: readonly Mutant[] = [
  {
    name: 'output_renamed_before_sync',
    breaks: 'an output gets its name before its bytes are synced',
    run: 'call order',
    edits: { 'src/ingest/calls/outputs.js': [['await blocking.fsync(opened.fd);', '']] },
  },
  {
    name: 'outputs_not_synced_before_file',
    breaks: 'a file is moved before the names of its outputs are on disk',
    run: 'call order',
    edits: { 'src/ingest/stages/move.js': [['await made[0].dirty.sync();', '']] },
  },
  {
    name: 'original_first',
    breaks: 'a file is moved before its outputs',
    run: 'call order',
    edits: {
      'src/ingest/stages/move.js': [
        [FIRST, 'of [])'],
        [MOVE_FILES, `${MOVE_FILES} await outputsFirst(open, batch, moved, moveOpen);`],
      ],
    },
  },
  {
    name: 'unsettled_outputs_kept',
    breaks: 'what a try made that was not recorded stays',
    run: 'kills at outputs',
    edits: {
      'src/ingest/calls/outputs.js': [
        ['removeOutputs(files.warehouse.make(TEMPORARY, 0o700), id);', 'files.warehouse.make(TEMPORARY, 0o700);'],
      ],
      'src/ingest/upkeep/reaper.js': [["&& job.state !== 'done')", ')']],
    },
  },
];
