/**
 * `npm run coverage`: which lines and branches of src/watcher its own tests run, by V8's own counts, traced back to the
 * sources. Fails below 95 % of either.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';

const tests = readdirSync('dist/test/watcher')
  .filter((name) => name.endsWith('.test.js'))
  .map((name) => `dist/test/watcher/${name}`);
const LEAST = '95';
const { status } = spawnSync(
  'npx',
  [
    ...['c8', '--all', '--src', 'dist/src/watcher', '--include', 'dist/src/watcher/**', '--include', 'src/watcher/**'],
    ...['--exclude-after-remap', '--reporter', 'text', '--check-coverage', '--lines', LEAST, '--branches', LEAST],
    ...['node', '--test', ...tests],
  ],
  { stdio: 'inherit' },
);
process.exit(status ?? 1);
