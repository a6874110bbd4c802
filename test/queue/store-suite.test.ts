/**
 * better-queue's public test suite for stores, on our store. It calls mocha's functions; those of node:test stand in
 * for them.
 */
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { afterEach, beforeEach, test } from 'node:test';
import type { Backend } from '../../queue/backend.js';
import { QueueStore } from '../../queue/dispatch/store.js';
import { openQueue } from '../../queue/index.js';
import { host } from '../../src/linux/index.js';
import { newStateDir } from './sqlite/kind.js';

type Done = (error?: unknown, value?: unknown) => void;
type Act = (this: object, done: Done) => void;

const suite = createRequire(import.meta.url)('better-queue-store-test');
/** The `this` of the suite. */
const shared = {};
const waitsFor = (act: Act) => (_: unknown, done: Done) => act.call(shared, done);
let tests = 0;

Object.assign(globalThis, {
  describe: (_name: string, define: () => void) => define(),
  beforeEach: (act: Act) => beforeEach(waitsFor(act)),
  afterEach: (act: Act) => afterEach(waitsFor(act)),
  it: (name: string, act: Act) => {
    tests++;
    test(`better-queue-store-test: ${name}`, act.length > 0 ? waitsFor(act) : () => act.call(shared, () => {}));
  },
});

let backend: Backend;
let state: ReturnType<typeof newStateDir>;

suite.basic('the store on the durable queue', {
  create(done: Done) {
    state = newStateDir();
    openQueue({ path: state.path, host: host(), stages: ['only'], title: 'store suite', maxAttempts: 3 })
      .then((opened) => {
        backend = opened;
        done(null, new QueueStore(backend, 'only'));
      })
      .catch(done);
  },
  destroy(done: Done) {
    backend
      .close()
      .then(state.remove)
      .then(() => done(), done);
  },
});
assert(tests >= 7, `only ${tests} are in it`);
