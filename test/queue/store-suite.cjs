// better-queue's public test suite for stores, run on our store by mocha (see store-suite.test.ts).
const { mkdtempSync, rmSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');
const suite = require('better-queue-store-test');

const built = process.env.BUILT;
let dir;
let backend;

suite.basic('the store on the durable queue', {
  async create(done) {
    try {
      const { openQueue } = await import(join(built, 'queue/index.js'));
      const { QueueStore } = await import(join(built, 'queue/dispatch/store.js'));
      const { host } = await import(join(built, 'src/linux/index.js'));
      dir = mkdtempSync(join(tmpdir(), 'store-'));
      backend = await openQueue({
        path: join(dir, 'state.db'),
        host: host(),
        stages: ['only'],
        title: 'store suite',
        maxAttempts: 3,
      });
      done(null, new QueueStore(backend, 'only'));
    } catch (error) {
      done(error);
    }
  },
  destroy(done) {
    backend
      .close()
      .then(() => rmSync(dir, { recursive: true }))
      .then(() => done(), done);
  },
});
