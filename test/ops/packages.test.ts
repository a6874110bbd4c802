/** The lock and package.json, which npm reads before it installs the packages. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { PACKAGE } from '../world/program.js';

const json = (path: string) => JSON.parse(readFileSync(join(PACKAGE, path), 'utf8'));
const { packages } = json('npm-shrinkwrap.json') as {
  packages: Record<string, { version: string; gypfile?: boolean; resolved?: string }>;
};

test('an installation compiles nothing: the lock repeats "gypfile": false of each package that declares it', () => {
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

test('the lock names no registry, and package.json asks for the exact versions of the lock', () => {
  assert.ok(!existsSync(join(PACKAGE, 'package-lock.json')), 'one lock is enough: npm-shrinkwrap.json');
  assert.deepEqual(
    Object.keys(packages).filter((path) => packages[path]!.resolved !== undefined),
    [],
  );
  const { dependencies, overrides } = json('package.json') as Record<string, Record<string, string>>;
  assert.equal(overrides, undefined, 'npm ignores the overrides of an installed package');
  for (const [name, version] of Object.entries(dependencies!))
    assert.equal(version, packages[`node_modules/${name}`]!.version, 'package.json asks for what was tested');
});
