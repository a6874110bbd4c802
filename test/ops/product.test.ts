/** The product's tree and its tarball: their files, the SBOM, and the image of ops/docker that is made of it. No network. */
import assert from 'node:assert/strict';
import {
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { deadLinks } from '../docs/documents.js';
import { PATIENT } from '../world/jobs.js';
import { PACKAGE } from '../world/program.js';
import { skipUnlessReachable, skipUnlessRoot } from '../world/users.js';
import { until } from '../world/waiting.js';
import { createWorld } from '../world/world.js';
import { below, dockerFile, runSteps } from './dockerfile.js';
import {
  assertNamed,
  everyPackage,
  folder,
  json,
  nameAt,
  type Packed,
  pack,
  productTree,
  watcherTree,
} from './trees.js';

interface Product {
  tree: string;
  packed: Packed;
  files: string[];
  /** The context of the image's build after `npm run pack`: the tarball, without the binary for the other processor. */
  context: string;
}

let made: Product | undefined;
const ROOT = mkdtempSync(join(tmpdir(), 'product-'));
after(() => rmSync(ROOT, { recursive: true, force: true }));

/** Made once: for each of ten thousand files npm asks whether it is packed, which takes half a minute. */
function product(): Product {
  if (made) return made;
  const [tree, context] = [join(ROOT, 'tree'), join(ROOT, 'context')];
  const artefacts = join(context, 'dist/artefacts');
  for (const path of [tree, artefacts, join(context, 'ops')]) mkdirSync(path, { recursive: true });
  const packed = productTree(tree, () => {});
  const files = pack(tree, '--ignore-scripts', '--pack-destination', artefacts);
  cpSync(join(PACKAGE, 'ops/config.yaml'), join(context, 'ops/config.yaml'));
  made = { tree, packed, files, context };
  return made;
}

test('the product: commands, libraries, page, documents, SBOM, and every package that it needs', () => {
  const { tree, packed, files } = product();
  assertNamed(packed, files);
  for (const path of [
    ...[
      'README.md',
      'LICENSE',
      'CHANGELOG.md',
      'docs/licences.md',
      'sbom.cdx.json',
      'ops/config.yaml',
      'ops/runbook.md',
    ],
    ...['src/service/dashboard/page/index.html', 'dist/program/call-thread.cjs', 'dist/program/process-child.cjs'],
    'dist/src/service/dashboard/search/search-thread.js',
  ])
    assert.ok(files.includes(path), `${path} is not packed`);
  const others = files.filter((path) => !path.startsWith('node_modules/'));
  assert.deepEqual(
    others.filter((path) =>
      /\.map$|^dist\/test|^test\/|^bench\/|^ops\/(?:artefacts|deb|reference)\/|npm-shrinkwrap/.test(path),
    ),
    [],
  );
  const isPacked = (path: string) =>
    others.some((one) => one === path || one.startsWith(`${path.replace(/\/$/, '')}/`));
  const pages = others.filter((path) => path.endsWith('.md'));
  assert.ok(pages.length > 30, pages.join());
  assert.deepEqual(deadLinks(tree, pages, isPacked), []);
  const found = new Set(files.filter((path) => /node_modules\/(?:@[^/]+\/)?[^/]+\/package\.json$/.test(path)));
  const here = [...everyPackage().keys()].filter(
    (path) => existsSync(join(PACKAGE, path)) && !/node-linux-/.test(path),
  );
  assert.deepEqual([...found].sort(), here.map((path) => `${path}/package.json`).sort());
});

test('the SBOM has each package that runs, by the hash of the lock, and names no registry', (t) => {
  const other = folder(t);
  watcherTree(other);
  const text = readFileSync(join(product().tree, 'sbom.cdx.json'), 'utf8');
  const { components, dependencies } = JSON.parse(text);
  const seen = components.map(
    ({ name, version, hashes }: { name: string; version: string; hashes: { content: string }[] }) => {
      return `${name} ${version} ${Buffer.from(hashes[0]!.content, 'hex').toString('base64')}`;
    },
  );
  const wanted = [...everyPackage()].map(
    ([path, { version, integrity }]) => `${nameAt(path)} ${version} ${integrity.slice(7)}`,
  );
  assert.deepEqual(seen.sort(), wanted.sort());
  const refs = new Set(dependencies.map(({ ref }: { ref: string }) => ref));
  for (const { dependsOn } of dependencies) for (const ref of dependsOn) assert.ok(refs.has(ref), ref);
  assert.doesNotMatch(text, /https?:/);
  const small = json(join(other, 'sbom.cdx.json')).components.map(({ name }: { name: string }) => name);
  assert.deepEqual(small.filter((name: string) => !name.startsWith('@koromix/')).sort(), [
    ...['better-sqlite3', 'koffi', 'node-addon-api', 'picomatch'],
  ]);
});

test('its steps, run one by one, make a tree in which its command works as its user', async (t) => {
  if (skipUnlessRoot(t, 'the steps of the Dockerfile: they make users and give folders away')) return;
  const world = createWorld(t);
  const image = runSteps(dockerFile('Dockerfile'), join(world.root, 'stages'), product().context);
  const { root } = image;
  const [uid, gid] = image.user.split(':').map(Number) as [number, number];
  if (skipUnlessReachable(t, { uid, gid }, 'the command of the image')) return;
  assert.match(readFileSync(join(root, 'etc/passwd'), 'utf8'), new RegExp(`^atomic-ingestor:[x!]:${uid}:${gid}:`, 'm'));
  for (const volume of image.volumes) mkdirSync(join(root, volume), { recursive: true });
  const config = join(root, 'etc/atomic-ingestor/config.yaml');
  const here = below(root, readFileSync(config, 'utf8'))
    .replace(/^dashboard: .*$/m, '')
    .replace(/^# (stability-seconds|quiet-ms): .*$/gm, '$1: 0');
  writeFileSync(config, here);
  const env = {
    PATH: [below(root, image.env.PATH!.replace(':$PATH', '')), dirname(process.execPath), process.env.PATH].join(
      delimiter,
    ),
  };
  const launch = (words: readonly string[]) => {
    const [command, ...args] = words.map((word) => below(root, word));
    return world.launch(join(root, 'opt/atomic-ingestor/bin', command!), args, { user: { uid, gid }, env });
  };

  const ingest = launch(image.cmd);
  await until('it to be at work', () => ingest.events.some(({ event }) => event === 'worker_started'), PATIENT);
  const staging = join(root, 'srv/ingest/staging');
  writeFileSync(join(staging, 'a.csv'), 'a,b\n');
  chownSync(join(staging, 'a.csv'), uid, gid);
  const stored = () => ingest.events.find(({ event }) => event === 'file_ingested');
  await until('the file to be stored', stored, { ...PATIENT, soFar: () => ingest.tail() });
  assert.equal(statSync(String(stored()!.warehouse_path)).uid, uid);
  const health = await launch(image.healthcheck).ended;
  assert.equal(health.code, 0, health.stderr);
  ingest.kill(image.stopSignal as NodeJS.Signals);
  assert.equal((await ingest.ended).code, 0, ingest.tail());
  assert.deepEqual(readdirSync(staging), []);
  const down = await launch(image.healthcheck).ended;
  assert.equal(down.code, 4, down.stderr);
});
