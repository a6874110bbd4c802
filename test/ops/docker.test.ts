/** The image of ops/docker: its Dockerfile without fault, and what compose says of it. product.test.ts runs its steps. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { PACKAGE } from '../world/program.js';
import { contextOf, dockerFile, instructionsOf } from './dockerfile.js';

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
