/** Three hosts with directories, states and processes of their own, and one PostgreSQL: each content is stored at one of them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fleet } from '../world/fleet.js';

test('what is dropped at several hosts at the same moment is stored at one of them, and a duplicate at the others', async (t) => {
  const fleet = await Fleet.create(t, ['a', 'b', 'c']);
  if (!fleet) return;
  await fleet.join();
  for (let n = 0; n < 60; n++) {
    const content = `content ${n}\n`;
    if (n % 3 === 0) for (const { world } of fleet.hosts) world.drop(`f${n}.csv`, content);
    else fleet.hosts[n % 3]!.world.drop(`f${n}.csv`, content);
  }
  fleet.start();
  await fleet.allDone();
  await fleet.stop();
  fleet.check();
  const duplicates = fleet.hosts.flatMap(({ world }) => world.duplicates());
  assert.equal(duplicates.length, 40);
  const [first] = fleet.hosts.flatMap(({ world }) => world.log.named('file_skipped_duplicate'));
  assert.match(String(first!.host), /^[abc]$/);
});
