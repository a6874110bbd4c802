/** r: the same files at one host, at one host of a shared ledger, and spread over several hosts that share it. */
import { join } from 'node:path';
import { Postgres } from '../../dist/test/world/postgres.js';
import { faultsOf, judge } from '../harness/correct.mjs';
import { makeSmall, quietForASecond, smallDigests } from '../harness/inputs.mjs';
import { filesOf, roundsOf } from '../harness/options.mjs';
import { measured } from '../harness/run.mjs';
import { sitting } from '../harness/sitting.mjs';
import { inWorld, World } from '../harness/world.mjs';
import { bin, ingest, statePath } from '../peers/product.mjs';

const HOSTS = 3;
const row = (id, title, hosts, isShared) => ({ id, title, kind: 'product', hosts, isShared });
const CONTESTANTS = [
  row('product', 'one host', 1, false),
  row('product-shared', 'one host, with a shared ledger', 1, true),
  row('product-hosts', `${HOSTS} hosts of one shared ledger, each with its part`, HOSTS, true),
];
/** It syncs, as a server in use does. */
const SERVER = { fsync: 'on' };

export default {
  title: 'Many hosts on one machine',
  columns: [
    { key: 'seconds', label: 'seconds, first exec to last exit' },
    { key: 'filesPerS', label: 'files/s' },
    { key: 'cpuS', label: 'CPU seconds, without PostgreSQL' },
    { key: 'peakTreeMb', label: 'peak MB a host' },
  ],
  chart: { key: 'filesPerS', label: 'files/s' },

  async run(options, tell) {
    const files = filesOf(options);
    const rounds = roundsOf(options, files);
    const rows = await sitting({ rounds, contestants: CONTESTANTS, tell }, (contestant) =>
      withServer(contestant.isShared, (url) => ingestedBy(contestant.hosts, url, { options, files })),
    );
    return { files, rounds, rows };
  },
};

async function withServer(isWanted, act) {
  if (!isWanted) return act(undefined);
  const ends = [];
  const scope = { after: (end) => ends.push(end), skip: (why) => ends.push(() => Promise.reject(new Error(why))) };
  try {
    const server = await Postgres.start(scope, SERVER);
    return await act(server?.url);
  } finally {
    for (const end of ends) await end();
  }
}

async function ingestedBy(hosts, url, { options, files }) {
  return inWorld(options, async (base) => {
    const worlds = [base, ...Array.from({ length: hosts - 1 }, () => new World(options.root))];
    try {
      const each = Math.floor(files / hosts);
      const shared = url === undefined ? [] : ['--shared-ledger', url];
      for (const [n, world] of worlds.entries()) {
        makeSmall(world.input, each, { from: n * each });
        world.settle();
        if (url) await joined(world, `host-${n}`, shared);
      }
      await quietForASecond();
      const usages = await Promise.all(
        worlds.map((world) => measured(ingest(world, '--once', ...shared), { log: world.log })),
      );
      for (const [n, world] of worlds.entries()) {
        const faults = faultsOf(judge(world, smallDigests(each, n * each)));
        if (faults) throw new Error(`host-${n}: ${faults}`);
      }
      const seconds = Math.max(...usages.map((usage) => usage.seconds));
      const cpuS = usages.reduce((sum, usage) => sum + usage.cpuS, 0);
      const peakTreeMb = Math.max(...usages.map((usage) => usage.peakTreeMb));
      return { seconds, filesPerS: (each * hosts) / seconds, cpuS, peakTreeMb };
    } finally {
      for (const world of worlds.slice(1)) world.remove();
    }
  });
}

const joined = (world, name, shared) =>
  measured(
    { file: bin('ingest-ctl'), args: ['host', 'join', name, ...shared, '--state-path', statePath(world)] },
    { log: join(world.base, 'join.log'), sample: false },
  );
