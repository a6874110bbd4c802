/** The ingestor that a Python programmer writes in an afternoon: SQLite, hashlib, a commit for each step of each file. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { PROGRAMS } from '../harness/package.mjs';
import { Run } from '../harness/run.mjs';

export const pythonCommand = (world, ...flags) => ({
  file: 'python3',
  args: [
    ...[join(PROGRAMS, 'ingest.py'), '--input', world.input, '--warehouse', world.warehouse],
    ...['--manifests', world.manifests, '--state-path', join(world.state, 'python.db'), ...flags],
  ],
});

export const python = {
  id: 'python',
  peer: 'python',
  title: 'plain Python: SQLite, hashlib, one commit a step',
  kind: 'peer',
  lacks: [
    'sees no writer: a file that was quiet for a moment is taken',
    'a crash between the line and its commit writes the line again',
    'neither files, lines nor directories are synced: a power cut takes what was reported as moved',
    'keeps every name of the directory in memory',
  ],
  missing: () => (spawnSync('python3', ['--version']).status === 0 ? undefined : 'python3 is not installed'),
  command: (world) => pythonCommand(world, '--once'),
};

/** As a service: it looks once a second. */
export const pythonService = {
  ...python,
  async start(world, { onStored, sample = false }) {
    const command = pythonCommand(world, '--mode', 'sidecar', '--tell');
    return new Run(command, { sample, onLine: (line) => line.startsWith('stored ') && onStored(line.slice(7)) });
  },
};
