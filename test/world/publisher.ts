/** A world whose feed publishes, and the bucket where it does. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { Bucket } from './bucket.js';
import { type Fault, FaultProxy, type Rule, type Which } from './fault-proxy.js';
import type { WorldOptions } from './home.js';
import type { Program } from './program.js';
import { until } from './waiting.js';
import { createWorld, type World } from './world.js';

export interface Publisher {
  world: World;
  bucket: Bucket;
}

export interface PublisherOptions extends WorldOptions {
  /** The address that the product is given; default: the store itself. */
  endpoint?: string;
  /** Feeds of a configuration file; `changeChain` gives one a chain. */
  feedNames?: readonly string[];
}

/** Undefined, and the test is skipped, if there is no store. */
export async function publisher(
  t: TestContext,
  { endpoint, feedNames, options: given, ...more }: PublisherOptions = {},
  its?: Bucket,
): Promise<Publisher | undefined> {
  const bucket = its ?? (await Bucket.start(t));
  if (!bucket) return undefined;
  Object.assign(process.env, bucket.environment);
  const options = {
    stabilitySeconds: 0.1,
    quietMs: 0,
    publish: `s3://${bucket.name}/raw`,
    publishEndpoint: endpoint ?? bucket.endpoint,
    publishPathStyle: true,
    ...given,
  };
  const feeds = feedNames && Object.fromEntries(feedNames.map((name) => [name, { options }]));
  const world = createWorld(t, { ...more, ...(feeds ? { feeds } : { options }) });
  return { world, bucket };
}

/** The same with a proxy before the store. */
export async function proxied(
  t: TestContext,
  options: PublisherOptions = {},
): Promise<(Publisher & { proxy: FaultProxy }) | undefined> {
  const bucket = await Bucket.start(t);
  if (!bucket) return undefined;
  const proxy = await FaultProxy.start(t, bucket.server.port);
  const made = await publisher(t, { ...options, endpoint: proxy.endpoint }, bucket);
  return made && { ...made, proxy };
}

/** The records of all parts, in their order. */
async function recordsOf(bucket: Bucket, feed: string): Promise<Record<string, unknown>[]> {
  const lines: Record<string, unknown>[] = [];
  for (const [number, key] of (await bucket.keys(`raw/${feed}/_manifests/`)).entries()) {
    assert.equal(Number(/(\d{10})\.jsonl$/.exec(key)?.[1]), number, 'parts are numbered without a gap');
    const text = (await bucket.body(key))!.toString().trimEnd();
    if (text !== '') lines.push(...text.split('\n').map((line) => JSON.parse(line)));
  }
  return lines;
}

const isLine = ({ correction }: Record<string, unknown>): boolean => correction === undefined;

export const linesOf = async (bucket: Bucket, feed = 'default'): Promise<Record<string, unknown>[]> =>
  (await recordsOf(bucket, feed)).filter(isLine);

export const correctionsOf = async (bucket: Bucket, feed = 'default'): Promise<Record<string, unknown>[]> =>
  (await recordsOf(bucket, feed)).filter((record) => !isLine(record));

/** The keys of files, without parts, marks and the marker of the prefix. */
export const objectsOf = async (bucket: Bucket, feed = 'default'): Promise<string[]> =>
  (await bucket.keys(`raw/${feed}/`)).filter((key) => !/^raw\/[^/]+\/_(manifests|hours|ingest)/.test(key));

/** Each line names objects with its bytes, and each object has one line. `mayLie`: of an object without one. Returns the lines. */
export async function checkBucket(
  bucket: Bucket,
  feed = 'default',
  mayLie: (key: string) => boolean = () => false,
): Promise<Record<string, unknown>[]> {
  const stored = new Map((await bucket.stored(`raw/${feed}/`)).map((object) => [object.key, object]));
  const records = await recordsOf(bucket, feed);
  const lines = records.filter(isLine);
  const back = new Set(records.filter((record) => !isLine(record)).map(({ ingest_id }) => ingest_id));
  const named = new Set<string>();
  const ids = new Set<unknown>();
  for (const line of lines) {
    assert.ok(!ids.has(line.ingest_id), `${line.ingest_id} has two lines`);
    ids.add(line.ingest_id);
    if (back.has(line.ingest_id)) continue;
    const outputs = (line.outputs ?? []) as { warehouse_path: string; sha256: string; size: number }[];
    for (const { warehouse_path, sha256, size } of [line as (typeof outputs)[number], ...outputs]) {
      const key = warehouse_path.replace(`s3://${bucket.name}/`, '');
      const object = stored.get(key);
      assert.ok(object, `no object lies at ${key}`);
      assert.deepEqual([object.sha256, object.size], [sha256, size], key);
      assert.equal(object.metadata['ingest-id'], line.ingest_id);
      named.add(key);
    }
  }
  assert.deepEqual(
    (await objectsOf(bucket, feed)).filter((key) => !named.has(key) && !mayLie(key)),
    [],
    'objects without a line',
  );
  return lines;
}

export const published = (bucket: Bucket, count: number): Promise<unknown> =>
  until(`${count} lines are in the bucket`, async () => (await linesOf(bucket)).length === count);

/** Publishes what was dropped, and keeps it here: a service closes a part after ten seconds, and `--once` at its end. */
export async function publishedAndKept(world: World): Promise<void> {
  const flags = world.flags('ingest').filter((flag) => !flag.startsWith('--keep-local'));
  const { code, stderr } = await world.launch('ingest', [...flags, '--once']).ended;
  assert.equal(code, 0, stderr);
}

/** Starts, and kills everything where that request is held. */
export async function killedAt(world: World, proxy: FaultProxy, which: Which, fault: Fault): Promise<Rule> {
  const rule = proxy.add(which, fault);
  const program = world.start('ingest', ['--once']);
  await rule.hit(1, { soFar: () => program.tail() });
  await world.killAll();
  rule.end();
  return rule;
}

/** A service with `--keep-local`, held at the moment at which it asks for the object of `a.csv`, to remove the local file. */
export async function heldAtHead(
  t: TestContext,
): Promise<(Publisher & { proxy: FaultProxy; program: Program; key: string; head: Rule }) | undefined> {
  const made = await proxied(t, { options: { keepLocal: '1s' } });
  if (!made) return undefined;
  made.world.drop('a.csv', 'id\n1\n');
  await publishedAndKept(made.world);
  const head = made.proxy.add({ kind: 'head', key: /~a\.csv$/ }, 'hold');
  const program = made.world.start('ingest');
  const { key } = await head.hit();
  return { ...made, program, key, head };
}

/** The same, and another object came to that key meanwhile: the file is held. */
export async function takenAtHead(t: TestContext): ReturnType<typeof heldAtHead> {
  const made = await heldAtHead(t);
  if (!made) return undefined;
  const { world, bucket, key, head } = made;
  await bucket.delete(key);
  await bucket.put(key, 'of somebody else');
  await head.release();
  await world.event('file_held', ({ code }) => code === 'object_taken');
  return made;
}
