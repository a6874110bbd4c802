/** docs/options.md and docs/errors.md are what `npm run docs` makes of the schema and the catalogue. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { variableOf } from '../../../src/base/config/command-line.js';
import { COMMANDS, type CommandSpec } from '../../../src/base/config/commands.js';
import { allFields, feedFields, serviceFields } from '../../../src/base/config/schema.js';
import { PACKAGE } from '../../world/program.js';

const options = readFileSync(join(PACKAGE, 'docs/options.md'), 'utf8');
const errors = readFileSync(join(PACKAGE, 'docs/errors.md'), 'utf8');
const made = (name: string) => import(join(PACKAGE, 'ops/reference', name));

test('docs/options.md is what the schema gives: else run npm run docs', async () => {
  const { optionsPage } = (await made('options-page.mjs')) as { optionsPage(): string };
  assert.equal(options, optionsPage());
});

test('the rows of docs/errors.md are what the catalogue gives: else run npm run docs', async () => {
  const { errorsPage } = (await made('errors-page.mjs')) as { errorsPage(page: string): string };
  assert.equal(errors, errorsPage(errors));
});

test('docs/options.md has every option once with its variable, and every command', () => {
  for (const name of Object.keys(allFields)) {
    const rows = options.match(new RegExp(`^\\| \`--(\\[no-\\])?${name}[ \`].*$`, 'gm')) ?? [];
    assert.equal(rows.length, 1, name);
    if (name in feedFields || name in serviceFields) assert.ok(rows[0]!.includes(variableOf(name)), rows[0]);
  }
  for (const { name, summary } of Object.values(COMMANDS) as CommandSpec[]) {
    const heading = name.replace(' ', '-');
    assert.ok(options.includes(`\n### ${heading}\n`), heading);
    assert.ok(options.includes(`[\`${name}\`](#${heading})`), heading);
    assert.ok(options.includes(summary), summary);
  }
});
