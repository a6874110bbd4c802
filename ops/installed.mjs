/** What ops/install copies, a path a line: what package.json publishes, and the packages that it needs to run. */
import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const PACKAGE = fileURLToPath(new URL('../', import.meta.url));
const json = (path) => JSON.parse(readFileSync(PACKAGE + path, 'utf8'));

/** npm's own list of what it installed. */
const { packages } = json('node_modules/.package-lock.json');
const needed = Object.keys(packages).filter((path) => !packages[path].dev && path.lastIndexOf('node_modules/') === 0);
const published = globSync(json('package.json').files, { cwd: PACKAGE });
process.stdout.write(`${['package.json', ...published, ...needed].join('\n')}\n`);
