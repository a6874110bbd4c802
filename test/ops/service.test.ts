/** The files of the Debian package as a machine has them: units, program, configuration. .ci/artefacts-deb installs the package. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, globSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parse } from 'yaml';
import { NOT_IN_FILE } from '../../src/base/config/file.js';
import { feedFields, serviceFields } from '../../src/base/config/schema.js';
import { blockOf, deadLinks } from '../docs/documents.js';
import { skipUnlessInstalled } from '../simulate/installed.js';
import { PACKAGE } from '../world/program.js';
import { createWorld, type World } from '../world/world.js';

const UNITS = [
  'atomic-ingestor.service',
  'atomic-ingestor-producer.service',
  'atomic-ingestor-worker@hash.service',
  'atomic-ingestor-dashboard.service',
];
/** `systemd-analyze security` gives 0 (nothing exposed) to 10; up to 2 it says OK. */
const EXPOSURE_MAX = 2;

function installed(t: TestContext): { world: World; root: string } {
  const world = createWorld(t);
  const root = join(world.root, 'machine');
  const tree = [join(PACKAGE, 'ops/deb/tree.mjs'), root, '--docs'];
  const { status, stderr } = spawnSync(process.execPath, tree, { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  return { world, root };
}

function analyze(args: readonly string[]): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync('systemd-analyze', args, { encoding: 'utf8' });
  return { status, output: stdout + stderr };
}

test('systemd finds no fault with the units, and little that they leave exposed', async (t) => {
  if (skipUnlessInstalled(t, 'systemd-analyze', 'what systemd says of the units')) return;
  const { root } = installed(t);
  const own = join(root, 'usr/lib/systemd/system');
  // The targets that units are ordered after.
  for (const name of readdirSync('/usr/lib/systemd/system').filter((name) => name.endsWith('.target')))
    cpSync(join('/usr/lib/systemd/system', name), join(own, name));
  for (const unit of UNITS) {
    assert.deepEqual(analyze(['verify', `--root=${root}`, '--man=no', unit]), { status: 0, output: '' }, unit);
    const { output } = analyze(['security', '--offline=yes', `--root=${root}`, unit]);
    const [, exposure] = /Overall exposure level for .*: (\d+\.\d+)/.exec(output) ?? [];
    assert.ok(Number(exposure) <= EXPOSURE_MAX, output);
  }
});

test('a unit starts while a folder is away, and an operator changes what ours say', (t) => {
  const own = join(installed(t).root, 'usr/lib/systemd/system');
  const dropIns = globSync('*.service.d/*', { cwd: own });
  assert.equal(dropIns.length, 4);
  const texts = [...dropIns.map((path) => readFileSync(join(own, path), 'utf8')), blockOf('docs/install.md', 'ini')];
  for (const text of texts) {
    assert.match(text, /^ReadWritePaths=-/m);
    assert.doesNotMatch(text, /^(RequiresMountsFor=|ReadWritePaths=(.* )?\/)/m);
  }
  assert.match(texts[0]!, /^RestrictAddressFamilies=.*AF_NETLINK/m, 'fastify calls os.networkInterfaces');
  assert.ok(dropIns.every((path) => basename(path) < '10-own.conf'));
});

test('the package has the program, what it needs to run, its own Node and the documents', async (t) => {
  const { root } = installed(t);
  const at = join(root, 'usr/lib/atomic-ingestor');
  const json = JSON.parse(readFileSync(join(PACKAGE, 'package.json'), 'utf8')) as Record<string, object>;
  const has = (name: string) => existsSync(join(at, 'node_modules', name));
  assert.deepEqual(Object.keys(json.devDependencies!).filter(has), []);
  assert.deepEqual(
    Object.keys(json.dependencies!).filter((name) => !has(name)),
    [],
  );
  assert.deepEqual(readdirSync(join(root, 'usr/bin')).sort(), Object.keys(json.bin!).sort());
  for (const name of Object.keys(json.bin!)) {
    const { status, stdout, stderr } = spawnSync(join(root, 'usr/bin', name), ['--help'], {
      env: { PATH: '/usr/bin:/bin' },
      encoding: 'utf8',
    });
    assert.equal(status, 0, stderr);
    assert.match(stdout, new RegExp(`\\b${name}\\b`));
  }
  assert.deepEqual(
    readdirSync(join(at, 'dist')).sort(),
    ['program', 'queue', 'src'],
    'no command writes beside the program',
  );
  const documents = join(root, 'usr/share/doc/atomic-ingestor');
  for (const page of ['README.md', 'docs/errors.md', 'ops/runbook.md', 'ops/prometheus/alerts.yaml'])
    assert.ok(existsSync(join(documents, page)), page);
  const pages = globSync('**/*.md', { cwd: documents });
  assert.ok(pages.length > 30, pages.join());
  assert.deepEqual(
    deadLinks(documents, pages, (path) => existsSync(join(documents, path))),
    [],
  );
});

test('the installed program runs with the installed configuration', async (t) => {
  const { world, root } = installed(t);
  const config = join(root, 'etc/atomic-ingestor/config.yaml');
  const own = readFileSync(config, 'utf8')
    .replaceAll('/srv/ingest', root)
    .replace(/^dashboard: .*$/m, '')
    .replace('# quiet-ms: 1000', 'quiet-ms: 0')
    .replace('# stability-seconds: 10', 'stability-seconds: 0');
  writeFileSync(config, own);
  for (const folder of ['staging', 'work', 'manifests', 'warehouse']) mkdirSync(join(root, folder));
  writeFileSync(join(root, 'staging/a.csv'), 'a,b\n');
  const state = join(world.root, 'state.db');
  const ingest = join(root, 'usr/bin/ingest');
  const { code, stderr } = await world.launch(ingest, ['--config', config, '--state-path', state, '--once']).ended;
  assert.equal(code, 0, stderr);
  assert.equal(readdirSync(join(root, 'warehouse')).filter((name) => name.startsWith('ingest_date=')).length, 1);
});

test('the example configuration has every key, with its default', () => {
  const example = readFileSync(join(PACKAGE, 'ops/config.yaml'), 'utf8');
  const uncommented = example.replace(/^# ([a-z-]+: .*)$/gm, '$1');
  const { feeds, ...keys } = parse(uncommented) as { feeds: { default: Record<string, unknown> } } & Record<
    string,
    unknown
  >;
  const fields = { ...feedFields, ...serviceFields } as Record<
    string,
    { safeParse(value: unknown): { data?: unknown } }
  >;
  const given = { ...keys, ...feeds.default };
  assert.deepEqual(
    Object.keys(given).sort(),
    Object.keys(fields)
      .filter((name) => !NOT_IN_FILE.includes(name))
      .sort(),
  );
  for (const [name, field] of Object.entries(fields)) {
    if (NOT_IN_FILE.includes(name)) continue;
    // The default of `concurrency` depends on the machine. The example has the value of a machine with four cores.
    const fallback = name === 'concurrency' ? 4 : field.safeParse(undefined).data;
    const { data } = field.safeParse(given[name]);
    assert.notEqual(data, undefined, `${name} is refused`);
    if (fallback !== undefined && !Array.isArray(fallback)) assert.deepEqual(data, fallback, name);
  }
});
