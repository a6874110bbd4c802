/**
 * `npm run coverage`: which lines and branches of src/watcher its own tests run, by V8's own counts, traced back to the
 * sources. Fails below 95 % of either.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

const tests = readdirSync('dist/test/watcher')
  .filter((name) => name.endsWith('.test.js'))
  .map((name) => `dist/test/watcher/${name}`);
/** Files of types alone have no line to run. */
const types = readdirSync('dist/src/watcher', { recursive: true })
  .filter((name) => name.endsWith('.js'))
  .map((name) => `dist/src/watcher/${name}`)
  .filter((path) => /^(?:\s|\/\*[\s\S]*?\*\/|\/\/.*)*export \{\};/.test(readFileSync(path, 'utf8')));
const LEAST = '95';
const { status } = spawnSync(
  'npx',
  [
    ...['c8', '--all', '--src', 'dist/src/watcher', '--include', 'dist/src/watcher/**', '--include', 'src/watcher/**'],
    ...['--exclude', '**/*.d.ts'],
    ...types.flatMap((path) => ['--exclude', path]),
    ...['--reporter', 'text', '--check-coverage', '--lines', LEAST, '--branches', LEAST],
    ...['node', '--test', ...tests],
  ],
  { stdio: 'inherit' },
);
process.exit(status ?? 1);
