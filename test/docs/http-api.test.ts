/** The requests of docs/http-api.md, out of the document's own text, to a dashboard that serves a real state. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freePort } from '../service/dashboard/served.js';
import { until } from '../world/waiting.js';
import { createWorld } from '../world/world.js';
import { blockOf } from './documents.js';
import { Sandbox } from './sandbox.js';

test('each request of the document is answered', async (t) => {
  const world = createWorld(t);
  const sandbox = new Sandbox(t);
  const port = await freePort();
  world.start('ingest', ['--dashboard', String(port)]);
  await until('the page is served', () =>
    fetch(`http://localhost:${port}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    ),
  );
  const requests = blockOf('docs/http-api.md', 'sh').trimEnd().split('\n');
  assert.ok(requests.length >= 5);
  for (const request of requests) {
    const { status, stdout, stderr } = sandbox.run(request.replace('localhost:8000', `localhost:${port}`));
    if (/curl: not found/.test(stderr)) return t.skip('no curl: the requests of docs/http-api.md were not sent');
    assert.equal(status, 0, `${request}\n${stderr}`);
    assert.match(stdout, request.endsWith('/metrics') ? /^# HELP ingest_/m : /^\{/);
  }
  assert.equal((await world.run('queue-stat', ['--json'])).code, 0);
});
