/** The image of ops/docker: its Dockerfile without fault, its steps run one by one, its program run as its user. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chownSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { PATIENT } from '../world/jobs.js';
import { PACKAGE } from '../world/program.js';
import { skipUnlessReachable, skipUnlessRoot } from '../world/users.js';
import { until } from '../world/waiting.js';
import { createWorld } from '../world/world.js';
import { below, contextOf, dockerFile, instructionsOf, runSteps } from './dockerfile.js';

const { productTree } = (await import(join(PACKAGE, 'ops/artefacts/trees.mjs'))) as {
  productTree(tree: string, absent: () => void): unknown;
};

/** The context of the build after `npm run pack`: the tarball, without the binary for the other processor. */
function packed(root: string): string {
  const [tree, context] = [join(root, 'tree'), join(root, 'context')];
  const artefacts = join(context, 'dist/artefacts');
  for (const path of [tree, artefacts, join(context, 'ops')]) mkdirSync(path, { recursive: true });
  productTree(tree, () => {});
  execFileSync('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', artefacts], { cwd: tree });
  cpSync(join(PACKAGE, 'ops/config.yaml'), join(context, 'ops/config.yaml'));
  rmSync(tree, { recursive: true });
  return context;
}

test('the linter finds no fault with the Dockerfile', () => {
  const args = [join(PACKAGE, 'node_modules/dockerfilelint/bin/dockerfilelint'), 'ops/docker/Dockerfile'];
  const { status, stdout } = spawnSync(process.execPath, args, { cwd: PACKAGE, encoding: 'utf8' });
  assert.equal(status, 0, stdout);
  assert.match(stdout, /Issues: +None found/);
});

test('what is copied is in the context, and compose says of the image what the image says', () => {
  const steps = instructionsOf(dockerFile('Dockerfile'));
  const context = contextOf(dockerFile('Dockerfile.dockerignore'));
  for (const { args } of steps.filter(({ name, args }) => name === 'COPY' && !args.startsWith('--from')))
    for (const source of args.split(/\s+/).slice(0, -1))
      assert.ok(
        context.some((path) => path.startsWith(source)),
        source,
      );
  const { ingestor } = (parse(dockerFile('compose.yaml')) as { services: { ingestor: Record<string, unknown> } })
    .services;
  const last = (name: string) => steps.findLast((step) => step.name === name)!.args;
  assert.equal(ingestor.user, last('USER'));
  const mounted = (ingestor.volumes as string[]).map((volume) => volume.split(':')[1]);
  assert.deepEqual(mounted, JSON.parse(last('VOLUME')));
  assert.deepEqual([ingestor.cap_drop, ingestor.read_only, ingestor.stop_grace_period], [['ALL'], true, '5m']);
});

test('its steps, run one by one, make a tree in which its command works as its user', {
  timeout: 900_000,
}, async (t) => {
  if (skipUnlessRoot(t, 'the steps of the Dockerfile: they make users and give folders away')) return;
  const world = createWorld(t);
  const image = runSteps(dockerFile('Dockerfile'), join(world.root, 'stages'), packed(world.root));
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
