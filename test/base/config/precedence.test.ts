/** Flags override the environment, which overrides the file, which overrides the defaults. Unknown names are refused. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { stringify } from 'yaml';
import { allFields, feedFields, serviceFields } from '../../../src/base/config/schema.js';
import { defaultStatePath } from '../../../src/base/config/state-path.js';
import { type Folders, load, makeFolders, refusal } from './folders.js';

function fileWith(folders: Folders, content: unknown): string {
  const path = join(folders.root, 'config.yaml');
  writeFileSync(path, typeof content === 'string' ? content : stringify(content));
  return path;
}

test('a flag overrides the environment, the environment overrides the file, and the file overrides the default', (t) => {
  const folders = makeFolders(t);
  const path = fileWith(folders, { 'stability-seconds': 3, mode: 'sidecar' });
  const seconds = (argv: string[], env = {}) =>
    load(folders, [...folders.flags, ...argv], env).feeds[0]?.stabilitySeconds;
  const env = { INGEST_STABILITY_SECONDS: '4' };
  assert.equal(seconds([]), 10);
  assert.equal(seconds(['--config', path]), 3);
  assert.equal(seconds([], { ...env, INGEST_CONFIG: path }), 4);
  assert.equal(seconds(['--config', path, '--stability-seconds', '0'], env), 0);
  assert.equal(load(folders, [...folders.flags, '--config', path]).feeds[0]?.mode, 'sidecar');
});

test('a switch that the file turns on is turned off by a flag', (t) => {
  const folders = makeFolders(t);
  const path = fileWith(folders, { poll: true, recursive: false });
  const feed = (...argv: string[]) => load(folders, [...folders.flags, '--config', path, ...argv]).feeds[0];
  assert.equal(feed()?.poll, true);
  assert.equal(feed()?.recursive, false);
  assert.equal(feed('--no-poll')?.poll, false);
  assert.equal(feed('--recursive')?.recursive, true);
});

test('a relative path in a file is below the folder of the file; on the command line and in the environment, below that of the caller', (t) => {
  const folders = makeFolders(t);
  writeFileSync(join(folders.root, 'chain.yaml'), 'format: lines\nstart: check\nsteps: { check: { next: out } }\n');
  writeFileSync(join(folders.root, 'token'), 'a'.repeat(32), { mode: 0o600 });
  const places = { input: 'input', warehouse: 'input/../warehouse', manifests: './manifests', 'work-dir': 'work' };
  const secrets = { 'dashboard-token-file': 'token', 'notify-secret-file': 'token' };
  const file = { feeds: { a: { ...places, process: 'chain.yaml' } }, 'state-path': 'state/s.db', dashboard: '8000' };
  const path = fileWith(folders, { ...file, ...secrets, 'notify-webhook': 'http://localhost/' });
  const { feeds, service } = load(folders, ['--config', path]);
  const { input, warehouse, manifests } = folders;
  assert.deepEqual({ ...feeds[0] }, { ...feeds[0], input, warehouse, manifests, workDir: join(folders.root, 'work') });
  assert.equal(feeds[0]?.process?.start, 'check');
  assert.equal(service.statePath, join(folders.root, 'state/s.db'));
  assert.equal(service.dashboard?.token?.length, 32);
  const ofCaller = load(folders, ['--config', path, '--state-path', 's.db']).service.statePath;
  assert.equal(ofCaller, join(process.cwd(), 's.db'));
  assert.equal(load(folders, ['--config', path], { INGEST_STATE_PATH: 's.db' }).service.statePath, ofCaller);
  // A path that a later option will name is found by the same rule.
  const paths = Object.entries({ ...feedFields, ...serviceFields }).filter(([, { meta }]) =>
    /\bpath\b/.test(meta.rule),
  );
  assert.deepEqual(
    paths.filter(([, { meta }]) => !meta.isPath).map(([name]) => name),
    ['notify-command'], // absolute by its rule
  );
});

test('an option at the top of the file holds for every feed that has none of its own', (t) => {
  const folders = makeFolders(t);
  const one = {
    input: folders.input,
    warehouse: folders.warehouse,
    manifests: folders.manifests,
    timezone: 'Asia/Tokyo',
  };
  const path = fileWith(folders, { timezone: 'Europe/Berlin', 'quiet-ms': 5, feeds: { one } });
  assert.equal(load(folders, ['--config', path]).feeds[0]?.timezone, 'Asia/Tokyo');
  assert.equal(load(folders, ['--config', path]).feeds[0]?.quietMs, 5);
  assert.equal(load(folders, ['--config', path]).feeds[0]?.name, 'one');
});

test('lists: a flag may be repeated, and commas outside braces separate the items in the environment', (t) => {
  const folders = makeFolders(t);
  const include = (argv: string[], env = {}) => load(folders, [...folders.flags, ...argv], env).feeds[0]?.include;
  assert.deepEqual(include(['--include', '*.csv', '--include', '*.{a,b}']), ['*.csv', '*.{a,b}']);
  assert.deepEqual(include([], { INGEST_INCLUDE: '*.csv, *.{a,b}\n*.txt' }), ['*.csv', '*.{a,b}', '*.txt']);
});

test('workers: text or a map, and a stage that is not named gets one process', (t) => {
  const folders = makeFolders(t);
  const path = fileWith(folders, { workers: { hash: 3 } });
  const expected = { 'verify-complete': 1, hash: 3, manifest: 1, move: 1 };
  assert.deepEqual(load(folders, [...folders.flags, '--config', path]).service.workers, expected);
  assert.deepEqual(load(folders, [...folders.flags, '--workers', 'hash=3']).service.workers, expected);
});

test('a misspelt name of any option is refused with the right name, in flags, environment and file', (t) => {
  const folders = makeFolders(t);
  const names = [...Object.keys(feedFields), ...Object.keys(serviceFields)].filter((name) => name !== 'stage');
  for (const name of names) {
    const slip = `${name.slice(0, -1)}x${name.at(-1)}`;
    assert.ok(refusal(() => load(folders, [`--${slip}`])).message.includes(`did you mean --${name}`), slip);
    const variable = `INGEST_${slip.toUpperCase().replaceAll('-', '_')}`;
    const right = `INGEST_${name.toUpperCase().replaceAll('-', '_')}`;
    assert.ok(refusal(() => load(folders, folders.flags, { [variable]: '1' })).message.includes(right), variable);
    if (name in feedFields) {
      const path = fileWith(folders, { feeds: { a: { [slip]: 1 } } });
      assert.ok(
        refusal(() => load(folders, ['--config', path])).message.includes(`did you mean feeds.a.${name}?`),
        slip,
      );
    }
  }
  const path = fileWith(folders, { 'stall-second': 1 });
  assert.ok(refusal(() => load(folders, ['--config', path])).message.includes('did you mean stall-seconds?'));
});

test('variables that a container platform sets are not taken for misspelt options', (t) => {
  const folders = makeFolders(t);
  load(folders, folders.flags, {
    INGEST_SERVICE_HOST: '192.0.2.1',
    INGEST_PORT_8080_TCP_ADDR: '192.0.2.1',
    INGEST_INPUT: '',
  });
});

test('a file that is missing, is not YAML, has a key twice or has no options is refused with its path and line', (t) => {
  const folders = makeFolders(t);
  const loadFile = (path: string) => refusal(() => load(folders, [...folders.flags, '--config', path]));
  assert.equal(loadFile(join(folders.root, 'none.yaml')).exitCode, 3);
  assert.equal(loadFile(folders.root).exitCode, 3);
  assert.match(loadFile(fileWith(folders, 'mode: [')).message, /config\.yaml is not valid YAML in line \d/);
  assert.match(loadFile(fileWith(folders, 'mode: sidecar\nmode: sidecar\n')).message, /line 2/);
  assert.match(loadFile(fileWith(folders, '- a\n')).message, /must have keys with values, but is a list/);
  assert.match(loadFile(fileWith(folders, { feeds: {} })).message, /must name 1 to/);
  assert.match(loadFile(fileWith(folders, { feeds: { 'a/b': {} } })).message, /the name of a feed/);
});

test('a file of secrets that is named by mistake as configuration or chain is refused without its text', (t) => {
  const folders = makeFolders(t);
  const secret = 'S3CRETs3cret';
  const contents = [
    secret,
    `- ${secret}`,
    `feeds: ${secret}`,
    `feeds: {a: ${secret}}`,
    `*${secret}`,
    `a: *${secret}`,
    `!${secret} &x [`,
    `"${secret}`,
    `${secret}: [`,
    `a: b: ${secret}`,
    `@${secret}`,
    `%${secret}`,
    `a: 1\n${secret}\n`,
    `{ ${secret}`,
    `"\\q${secret}"`,
  ];
  for (const content of contents) {
    const path = fileWith(folders, content);
    for (const option of ['--config', '--process']) {
      const { message } = refusal(() => load(folders, [...folders.flags, option, path]));
      assert.ok(!message.includes(secret), `${content}: ${message}`);
    }
  }
  const message = (option: string) =>
    refusal(() => load(folders, [...folders.flags, option, fileWith(folders, secret)])).message;
  assert.match(message('--config'), /config\.yaml must have keys with values, but is a text;/);
  assert.match(message('--process'), /config\.yaml must be a mapping of keys to values, but is a text;/);
});

test('folders given once for several feeds are refused', (t) => {
  const folders = makeFolders(t);
  const path = fileWith(folders, { feeds: { a: {}, b: {} } });
  assert.equal(
    refusal(() => load(folders, ['--config', path, '--input', folders.input])).code,
    'folder_for_many_feeds',
  );
  assert.equal(refusal(() => load(folders, ['--config', path], { INGEST_INPUT: '/x' })).code, 'folder_for_many_feeds');
});

test('flags that are repeated, incomplete or unknown are refused, not guessed', (t) => {
  const folders = makeFolders(t);
  const code = (...argv: string[]) => refusal(() => load(folders, [...folders.flags, ...argv])).code;
  assert.equal(code('--input', folders.input), 'option_twice');
  assert.equal(code('--stability-seconds'), 'missing_value');
  assert.equal(code('--stability-seconds', '--once'), 'missing_value');
  assert.equal(code('--no-stability-seconds'), 'unknown_option');
  assert.equal(code('--stabilitySeconds', '3'), 'unknown_option');
  assert.equal(code('--__proto__', '3'), 'unknown_option');
  assert.equal(code('-x'), 'unknown_option');
  assert.equal(code('word'), 'unexpected_word');
  assert.equal(code('--all'), 'unknown_option');
});

test('each input has one default state path, whatever path names the input', (t) => {
  const folders = makeFolders(t);
  const env = { XDG_STATE_HOME: '/state' };
  assert.match(defaultStatePath('/a', env), /^\/state\/atomic-ingestor\/[0-9a-f]{16}\/state\.db$/);
  assert.notEqual(defaultStatePath('/a', env), defaultStatePath('/b', env));
  const named = (input: string) => load(folders, folders.flags.with(1, input)).service.statePath;
  assert.equal(named(`${folders.input}/../input/`), named(folders.input));
});

test('every example in the schema is accepted', (t) => {
  const folders = makeFolders(t);
  for (const [name, field] of Object.entries(allFields)) {
    assert.equal(field.safeParse(field.meta.example).success, true, `${name}: ${field.meta.example}`);
  }
  assert.ok(folders);
});
