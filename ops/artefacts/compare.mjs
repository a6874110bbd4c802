/**
 * `node ops/artefacts/compare.mjs FOLDER`: compares every package that npm has installed for an atomic-ingestor in FOLDER
 * with npm-shrinkwrap.json. Prints how many there are; ends with 1 and names each that has another version, is missing or is too many.
 * The Node that npm brings may be missing: `npm install --omit=optional` leaves it out.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packagesThatRun } from './lock.mjs';

const [folder] = process.argv.slice(2);
const { bundled, runtimes } = packagesThatRun();
const found = new Map();
visit('node_modules');
const expected = new Map([...bundled, ...[...runtimes].filter(([path]) => found.has(path))]);

const wrong = [...new Set([...expected.keys(), ...found.keys()])].filter(
  (path) => expected.get(path)?.version !== found.get(path),
);
for (const path of wrong)
  process.stderr.write(
    `${path} must be ${expected.get(path)?.version ?? 'absent'}, but is ${found.get(path) ?? 'absent'}\n`,
  );
if (wrong.length > 0) process.exitCode = 1;
else process.stdout.write(`${found.size} packages, each as in npm-shrinkwrap.json\n`);

function visit(at) {
  for (const name of readdirSync(join(folder, at)).filter((name) => !name.startsWith('.'))) {
    const path = `${at}/${name}`;
    if (name.startsWith('@')) visit(path);
    else found.set(path, JSON.parse(readFileSync(join(folder, path, 'package.json'), 'utf8')).version);
    if (existsSync(join(folder, path, 'node_modules'))) visit(`${path}/node_modules`);
  }
}
