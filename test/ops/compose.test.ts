/** ops/compose: three hosts and a database. No container engine runs it here: what its services call is run as they call it. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { Fleet, type FleetHost } from '../world/fleet.js';
import { PACKAGE } from '../world/program.js';

interface Service {
  command?: string[];
  user?: string;
  environment: Record<string, string>;
  volumes: string[];
  depends_on?: Record<string, { condition: string }>;
}

const NAMES = ['lake-1', 'lake-2', 'lake-3'];

async function joinsTwice(fleet: Fleet, { world }: FleetHost, { command, environment }: Service): Promise<void> {
  assert.equal(new URL(environment.INGEST_SHARED_LEDGER!).username, 'ingest');
  const [program, ...words] = command!.map((word) => word.replace('/var/lib/atomic-ingestor', world.root));
  const env = { INGEST_SHARED_LEDGER: fleet.server.url };
  for (const _ of [1, 2]) {
    const ended = await world.launch(program!, words, { env }).ended;
    assert.equal(ended.code, 0, ended.stderr);
  }
}

test('each host of the compose file joins by the command of its service, and starts after that', async (t) => {
  const text = readFileSync(join(PACKAGE, 'ops/compose/fleet.yaml'), 'utf8');
  const { services } = parse(text, { merge: true }) as { services: Record<string, Service> };
  const image = parse(readFileSync(join(PACKAGE, 'ops/docker/compose.yaml'), 'utf8')).services.ingestor as Service;
  const fleet = await Fleet.create(t, NAMES);
  if (!fleet) return;
  for (const name of NAMES) {
    const [joins, host] = [services[`${name}-join`]!, services[name]!];
    assert.deepEqual(host.depends_on, { [`${name}-join`]: { condition: 'service_completed_successfully' } });
    assert.equal(host.user, image.user);
    assert.deepEqual(
      host.volumes.map((volume) => volume.split(':')[1]),
      image.volumes.map((volume) => volume.split(':')[1]),
    );
    assert.equal(joins.volumes[0], host.volumes[0], 'one state');
    await joinsTwice(fleet, fleet.host(name), joins);
  }
  const hosts = await fleet.rows<{ name: string }>('SELECT name FROM hosts ORDER BY name');
  assert.deepEqual(
    hosts.map(({ name }) => name),
    NAMES,
  );
});
