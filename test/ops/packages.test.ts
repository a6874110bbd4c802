/** What npm is told of the packages that it installs. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { PACKAGE } from '../world/program.js';

const json = (path: string) => JSON.parse(readFileSync(join(PACKAGE, path), 'utf8'));
const { packages } = json('npm-shrinkwrap.json') as {
  packages: Record<string, { version: string; gypfile?: boolean; resolved?: string }>;
};

test('an installation compiles nothing: the lock says so of each package that says so of itself', () => {
  const brings = Object.keys(packages).filter((path) => {
    const could = path !== '' && existsSync(join(PACKAGE, path, 'binding.gyp'));
    return could && json(join(path, 'package.json')).gypfile === false;
  });
  assert.deepEqual(brings, ['node_modules/better-sqlite3']);
  for (const path of brings)
    assert.equal(
      packages[path]!.gypfile,
      false,
      `npm ci reads the lock alone and would compile ${path}, which "npm install" forgets: add "gypfile": false to it`,
    );
});

test('the lock names no registry, and fixes each version that is asked for', () => {
  assert.ok(!existsSync(join(PACKAGE, 'package-lock.json')), 'one lock is enough: npm-shrinkwrap.json');
  assert.deepEqual(
    Object.keys(packages).filter((path) => packages[path]!.resolved !== undefined),
    [],
  );
  const { dependencies, overrides } = json('package.json') as Record<string, Record<string, string>>;
  assert.equal(overrides, undefined, 'they do not reach who installs the package');
  for (const [name, version] of Object.entries(dependencies!))
    assert.equal(version, packages[`node_modules/${name}`]!.version, 'package.json asks for what was tested');
});
