/**
 * The mirror is killed at random moments while SOURCE changes; then it is started once. Afterwards both trees are alike
 * and nothing is left over, and a reader of DEST never saw a file in a state that SOURCE had not had. KILLS=100 for the
 * long form.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { dice } from '../crash/dice.js';
import { Program } from '../world/program.js';
import { stays, until } from '../world/waiting.js';
import { assertAlike, leftOver, mirrorWorld } from './mirror-world.js';

const KILLS = Number(process.env.KILLS ?? 8);
const program = (name: string) => fileURLToPath(new URL(`./${name}.js`, import.meta.url));

/** A helper that works until `end`, and returns what it printed. */
function helper(t: TestContext, name: string, ...args: string[]): { end: () => Promise<string> } {
  const child: ChildProcess = spawn(process.execPath, [program(name), ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  let text = '';
  child.stdout!.setEncoding('utf8').on('data', (more: string) => {
    text += more;
  });
  const closed = once(child, 'close');
  return {
    async end() {
      child.stdin!.end();
      const [code] = await closed;
      assert.equal(code, 0, `${name} failed`);
      return text;
    },
  };
}

const copiedBy = ({ events }: Program): number =>
  Number(events.findLast(({ event }) => event === 'replica_metrics')?.copied ?? 0);

test(`killed ${KILLS} times under load, then one start: alike, nothing left over, nothing torn was ever seen`, async (t) => {
  const seed = process.env.SEED ?? String(process.pid);
  const draw = dice(seed);
  const { source, dest, root } = mirrorWorld(t);
  const storms = ['a', 'b'].map((name) => helper(t, 'storm', source, seed, name));
  const reader = helper(t, 'reader', dest);
  const args = [
    source,
    dest,
    '--change-log',
    join(root, 'changes.db'),
    '--scan-interval-seconds',
    '2',
    '--metrics-interval-seconds',
    '0.2',
  ];
  let copied = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    const mirror = new Program('ingest-replicate', args);
    t.after(() => mirror.kill());
    // The moment is random: one in four dies at its start, the others after they have begun to copy.
    if (kill % 4 > 0) await until('it copies', () => copiedBy(mirror) > 0, { soFar: () => mirror.tail() });
    const ms = draw(kill % 4 === 3 ? 2_000 : 500);
    await stays('it is at work', () => mirror.running, ms).catch(() => assert.fail(mirror.tail()));
    mirror.kill();
    await mirror.ended;
    copied += copiedBy(mirror);
  }
  const operations = (await Promise.all(storms.map((storm) => storm.end()))).map(Number);
  const last = new Program('ingest-replicate', [...args, '--once']);
  const { code, stderr } = await last.ended;
  assert.equal(code, 0, stderr);
  const read = await reader.end();
  t.diagnostic(
    `SEED=${seed} KILLS=${KILLS}: ${operations[0]! + operations[1]!} operations, ${/READ (\d+)/.exec(read)?.[1]} files read, ${copied} copied before the last start`,
  );
  assert.doesNotMatch(read, /TORN/);
  assert(Number(/READ (\d+)/.exec(read)?.[1]) > 100, read);
  assertAlike(source, dest);
  assert.deepEqual(leftOver(dest), []);
});
