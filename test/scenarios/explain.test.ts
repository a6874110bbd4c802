/**
 * `ingest-ctl explain PATH` answers in every state that a file can be in, in sentences and as JSON, and changes nothing.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { until } from '../world/waiting.js';
import { createWorld, type World } from '../world/world.js';

/** How the text says the verdict `claimed`. */
const IN_HAND = /\b(?:has|had) it for /;

interface Answer {
  verdict: string;
  sentences: string[];
  release?: string;
  job?: { id: string; stage: string; attempts: number; trail: { stage: string; outcome: string }[] };
}

/** The answer of explain as text, which must agree with its JSON. */
async function asked(world: World, path: string): Promise<{ text: string; answers: Answer[] }> {
  const [text, json] = [
    await world.run('ingest-ctl', ['explain', path]),
    await world.run('ingest-ctl', ['explain', path, '--json']),
  ];
  const answers = (JSON.parse(json.stdout) as { found: Answer[] }).found;
  const code = answers.every(({ verdict }) => verdict === 'unknown') ? 4 : 0;
  assert.deepEqual([text.code, json.code], [code, code], text.stderr);
  return { text: text.stdout, answers };
}

async function says(world: World, path: string, verdict: string, sentence: RegExp, release?: RegExp): Promise<Answer> {
  let { text, answers } = await asked(world, path);
  // A worker may have claimed it for a moment, at one of the two questions or at both.
  const isMoment = () => answers[0]?.verdict === 'claimed' || IN_HAND.test(text);
  while (isMoment() && verdict !== 'claimed') ({ text, answers } = await asked(world, path));
  assert.equal(answers[0]?.verdict, verdict, text);
  assert.match(text, sentence);
  if (release) assert.match(text, new RegExp(`What releases it: .*${release.source}`));
  return answers[0]!;
}

async function behindTwoGates(world: World, path: string): Promise<void> {
  await world.run('ingest-ctl', ['pause', '--feed', 'default', '--reason', 'the disk is changed']);
  const twice = await says(
    world,
    path,
    'behind_gate',
    /Every stage was paused at .*the disk is changed\./,
    /ingest-ctl resume .*; besides: .*ingest-ctl resume/,
  );
  assert.equal(twice.sentences.filter((one) => /was paused at/.test(one)).length, 2, 'each pause is named');
  await world.run('ingest-ctl', ['resume', '--feed', 'default']);
}

test('explain answers for files that are on their way', async (t) => {
  const world = createWorld(t, { options: { stabilitySeconds: 1, quietMs: 0, maxBytes: 10_000 } });
  const at = (name: string) => join(world.input, name);
  world.start('ingest');
  await until('the state', () => world.database() !== undefined);
  for (const stage of ['hash', 'manifest', 'move'])
    await world.run('ingest-ctl', ['pause', stage], { env: { SUDO_USER: 'ada' } });

  world.drop('sealed.csv', 100);
  world.drop('large.csv', 20_000);
  const writer = world.writer('open.csv');
  writer.write('begun');
  const named = (name: string) => world.jobs().filter(({ key }) => key === name);
  await until(
    'one sealed, one held',
    () => named('sealed.csv')[0]?.stage === 'hash' && named('large.csv')[0]?.state === 'held',
  );
  await says(
    world,
    at('sealed.csv'),
    'behind_gate',
    /The stage hash was paused at .* by ada\./,
    /ingest-ctl resume hash/,
  );
  const { job } = await says(
    world,
    'large.csv',
    'held',
    /\(too_large\)[\s\S]*--max-bytes is 9\.8 KiB \(10000 bytes\)\.\s+It lies in the input, /,
    /Raise --max-bytes, restart the service and run `ingest-ctl retry [0-9A-Z]{26} --state-path \S+`; or run `ingest-ctl discard [0-9A-Z]{26} --state-path \S+`\./,
  );
  await says(world, job!.id, 'held', /too_large/);
  await says(
    world,
    join(world.root, '.input.ingest/underprocess', world.underprocess()[0]!.path),
    'behind_gate',
    /sealed\.csv/,
  );
  await until('the writer is met', () => named('open.csv')[0]?.payload.refusals);
  const open = await says(
    world,
    at('open.csv'),
    'waiting',
    /still has it open.*for writing/,
    /the writer has to close it; its process: `sudo find/,
  );
  const [, find] = /its process: `sudo (find [^`]+)`/.exec(open.release!)!;
  assert.match(spawnSync('sh', ['-c', find!]).stdout.toString(), new RegExp(`^/proc/${process.pid}/fd/\\d+$`, 'm'));

  await behindTwoGates(world, at('sealed.csv'));
  await world.run('ingest-ctl', ['resume', 'hash']);
  // If both are hashed together, either one may wait for the other.
  await until('the first is hashed', () => named('sealed.csv')[0]?.stage === 'manifest');
  world.drop('twin.csv', readFileSync(join(world.root, '.input.ingest/underprocess', world.underprocess()[0]!.path)));
  await until('the twin waits', () => named('twin.csv')[0]?.state === 'waiting');
  await says(
    world,
    at('twin.csv'),
    'waiting_for_content',
    /same as that of .*sealed\.csv[\s\S]*The stage manifest was paused/,
    /ingest-ctl resume manifest/,
  );
  writer.close();
});

test('explain names the rule that an incomplete file waits for', async (t) => {
  const world = createWorld(t, {
    feeds: { windows: { options: { stabilitySeconds: 600 } }, sidecars: { options: { mode: 'sidecar' } } },
  });
  world.start('ingest');
  world.drop('slow.csv', 100, { feed: 'windows' });
  world.drop('alone.csv', 100, { feed: 'sidecars' });
  await until('both are known', () => world.jobs('windows').length + world.jobs('sidecars').length === 2);
  const path = (feed: string, name: string) => join(world.feed(feed).input, name);
  await says(
    world,
    path('windows', 'slow.csv'),
    'waiting',
    /stay unchanged for 10m.*--stability-seconds 600.*: (9m\d+|10m0)s of that are left/,
  );
  await says(world, path('sidecars', 'alone.csv'), 'waiting', /alone\.csv\.ok is not/, /deliver the sidecar/);
  writeFileSync(path('windows', 'slow.csv'), 'changed');
  await says(world, path('windows', 'slow.csv'), 'waiting', /was changed|9m59s|10m/);
  await world.stop();
  world.drop('late.csv', 100, { feed: 'windows' });
  await says(world, path('windows', 'late.csv'), 'unseen', /no producer is running/, /start ingest/);
});

test('of several feeds, explain lets the one speak that knows the file', async (t) => {
  const feeds = { a: { options: { include: ['*.txt'] } }, b: { options: {} }, c: { options: {} } };
  const world = createWorld(t, { feeds });
  mkdirSync(join(world.feed('b').input, 'deep'));
  world.drop('deep/known.csv', 100, { feed: 'b' });
  world.drop('other.csv', 100, { feed: 'c' });
  await world.runOnce();
  for (const [name, feed] of [
    ['known.csv', 'b'],
    ['deep/known.csv', 'b'],
    ['other.csv', 'c'],
  ]) {
    const { text, answers } = await asked(world, name!);
    assert.deepEqual(
      answers.map(({ verdict }) => verdict),
      ['stored'],
      text,
    );
    assert.match(text, new RegExp(`^${world.feed(feed).input}/`));
    assert.doesNotMatch(text, /There is no such file/);
  }
  const { text } = await asked(world, 'nowhere.csv');
  assert.match(text, /There is no such file\. If there were: It is ignored/, 'nobody knows it: each feed says so');
  // It lies in an input, and no job has it yet.
  writeFileSync(join(world.feed('c').input, 'fresh.csv'), 'x');
  assert.match((await asked(world, 'fresh.csv')).text, /^\S+\/fresh\.csv \(feed c\)\n {2}It lies in the input/);
});

test('explain says where a file went', async (t) => {
  const world = createWorld(t, { options: { maxBytes: 10_000 } });
  const at = (name: string) => join(world.input, name);
  const first = world.drop('first.csv', 100);
  await world.runOnce();
  const stored = join(world.feed().warehouse, world.warehouse()[0]!.path);
  world.drop('second.csv', readFileSync(stored));
  world.drop('large.csv', 20_000);
  await world.runOnce([], { code: 4 });
  const { text } = await asked(world, at('first.csv'));
  assert.match(
    text,
    /verify-complete: advance[\s\S]*hash: advance[\s\S]*manifest: advance[\s\S]*move: finish \(stored\)/,
  );
  await says(
    world,
    at('first.csv'),
    'stored',
    new RegExp(`stored as ${stored} at 20.* UTC \\(SHA-256 ${first.sha256}, its line of 20.* UTC in `),
  );
  await says(world, stored, 'stored', /first\.csv/);
  await says(
    world,
    at('second.csv'),
    'duplicate',
    /which came from first\.csv, with its line of[\s\S]*It lies in .*duplicates\/[\s\S]*hash: decided \(duplicate\)/,
  );
  const copy = join(world.root, '.input.ingest/duplicates', world.duplicates()[0]!.path);
  await says(world, copy, 'duplicate', /second\.csv/);
  await world.run('ingest-ctl', ['discard', at('large.csv')]);
  await says(world, at('large.csv'), 'sealed', /decided \(discarded\)[\s\S]*No process is running/, /start ingest/);
  await world.runOnce();
  await says(world, at('large.csv'), 'discarded', /An operator discarded it[\s\S]*It lies in .*failed\//);

  // A second version of the same path: newest first.
  world.drop('first.csv', 50);
  await world.runOnce();
  const versions = (await asked(world, at('first.csv'))).answers;
  assert.deepEqual(
    versions.map(({ verdict }) => verdict),
    ['stored', 'stored'],
  );
  assert(versions[0]!.job!.id > versions[1]!.job!.id, 'newest first');

  // Back to the first content.
  world.drop('first.csv', readFileSync(stored));
  await world.runOnce();
  const isOld = /stored last from this path, at 20.* UTC, has another content: readers have that one/;
  await says(world, at('first.csv'), 'duplicate', isOld, /allow-again/);
  assert.doesNotMatch((await asked(world, at('second.csv'))).text, isOld);
  unlinkSync(stored);
  assert.match((await asked(world, stored)).text, /not there now: a consumer has taken it/);
});

test('explain says why things are no candidates, escapes names, and changes nothing', async (t) => {
  const world = createWorld(t, { options: { exclude: '*.log' } });
  const at = (name: string) => join(world.input, name);
  world.drop('first.csv', 100);
  await world.runOnce();
  for (const name of ['.hidden.csv', 'x.csv.tmp', 'x.log', 'esc\u001b[31m.tmp']) writeFileSync(at(name), 'x');
  mkdirSync(at('folder.csv'));
  symlinkSync('/nowhere', at('link.csv'));
  execFileSync('mkfifo', [at('pipe.csv')]);
  const before = readFileSync(world.statePath);
  for (const [name, rule] of [
    ['.hidden.csv', /\(hidden\)[\s\S]*What releases it: rename it without the dot/],
    ['x.csv.tmp', /\(temporary_name\).*ends in \.tmp/],
    [
      'x.log',
      /\(excluded\).*matches the option exclude \(\*\.log\)[\s\S]*What releases it: change exclude \(set in the configuration, or by its flag\)/,
    ],
    ['folder.csv', /It is a directory/],
    ['link.csv', /\(not_a_file\).*it is a symlink/],
    ['pipe.csv', /\(not_a_file\).*it is a fifo/],
    ['esc\u001b[31m.tmp', /esc\\u001b\[31m/],
  ] as const) {
    await says(world, at(name), 'ignored', rule);
  }
  const other = createWorld(t, { options: { mode: 'sidecar', recursive: false } });
  await other.runOnce();
  writeFileSync(join(other.input, 'lonely.csv.ok'), '');
  await says(other, join(other.input, 'lonely.csv.ok'), 'ignored', /lonely\.csv is not there/, /deliver lonely\.csv/);
  mkdirSync(join(other.input, 'below'));
  writeFileSync(join(other.input, 'below/a.csv'), '');
  const option = /the option recursive is false/;
  await says(other, join(other.input, 'below/a.csv'), 'ignored', option, /set recursive to true \(set in the config/);
  await says(world, at('never.csv'), 'unknown', /none of that name was ever seen/);
  await says(world, '/somewhere/else.csv', 'unknown', /lies in no folder of this state/);
  assert(before.equals(readFileSync(world.statePath)), 'not a byte of the state changed');
});
