/**
 * A mirror follows random changes of SOURCE, is killed, finds DEST full, and finds it missing. At each quiet moment
 * both trees are identical, without a scan other than at a start and after DEST is back. SEED= as printed; ROUNDS= for
 * the long form.
 */
import assert from 'node:assert/strict';
import { renameSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { dice } from '../crash/dice.js';
import { imageMount, loopMount, unmount } from '../world/mounts.js';
import type { Program } from '../world/program.js';
import { isRoot } from '../world/users.js';
import { stays, until } from '../world/waiting.js';
import { type CommandWorld, commandWorld, heard, heardOf } from './by-command.js';
import { difference, leftOver } from './mirror-world.js';
import { RandomActs } from './random-acts.js';

const seed = process.env.SEED ?? String(process.pid);
const rounds = Number(process.env.ROUNDS ?? 6);
const ACTS = 25;

class Chance {
  readonly acts: RandomActs;
  readonly draw: (below: number) => number;
  mirror!: Program;
  #starts = 0;
  #markers = 0;
  readonly #image: string;

  constructor(
    readonly world: CommandWorld,
    readonly name: string,
    times: 'shared' | 'own',
  ) {
    const { root, source: tree, dest } = world;
    this.draw = dice(`${seed} ${name}`);
    this.acts = new RandomActs({ tree, outside: join(root, 'outside'), draw: this.draw, times });
    this.#image = join(root, 'image');
    if (!isRoot) return;
    loopMount(dest, { bytes: 24 << 20 });
    renameSync(`${dest}.img`, this.#image);
  }

  /** The change log is in DEST, or beside it. */
  async start(): Promise<void> {
    const log = this.#starts++ % 2 === 0 ? [] : ['--change-log', join(this.world.root, 'changes.db')];
    this.mirror = await this.world.follow(...log);
  }

  async kill(): Promise<void> {
    this.mirror.kill();
    await this.mirror.ended;
  }

  async storm(acts = ACTS): Promise<void> {
    for (let n = 0; n < acts; n++) {
      this.acts.act();
      const pauseMs = [0, 0, 5, 20, 60][this.draw(5)]!;
      if (pauseMs > 0) await stays('', () => true, pauseMs);
    }
  }

  leave = (): boolean => unmount(this.world.dest);

  async comeBack(): Promise<void> {
    imageMount(this.world.dest, this.#image);
    await heard(this.mirror, 'dest_back', heardOf(this.mirror, 'dest_missing').length);
  }

  /** Fills DEST; the returned function frees the space again. */
  fill(): () => void {
    const { bavail, bsize } = statfsSync(this.world.dest);
    const filler = join(this.world.dest, '.ingest-replicate/filler');
    for (let bytes = bavail * bsize; bytes >= 4_096; ) {
      try {
        writeFileSync(filler, Buffer.alloc(bytes), { flag: 'a' });
      } catch {
        bytes >>= 1;
      }
    }
    return () => rmSync(filler);
  }

  async quiet(what: string): Promise<void> {
    const { source, dest } = this.world;
    for (let n = this.draw(3); n > 0; n--) this.acts.link();
    const marker = `marker${this.#markers++ % 2}`;
    writeFileSync(join(source, marker), `${this.#markers}`);
    await until(
      `DEST is as SOURCE after: ${what}`,
      () => difference(source, dest, 'but times of directories') === undefined,
      {
        soFar: () =>
          `SEED=${seed} ${this.name}: ${difference(source, dest, 'but times of directories')}\n${this.acts.log.slice(-2 * ACTS).join('\n')}\n${this.mirror.tail(15)}`,
      },
    );
    this.acts.settled();
    const scans = heardOf(this.mirror, 'replica_scan_done').length;
    const allowed = 1 + heardOf(this.mirror, 'dest_back').length;
    assert(scans <= allowed, `SEED=${seed} ${this.name} ${what}: ${scans} scans\n${this.mirror.tail()}`);
  }
}

async function follow(
  t: TestContext,
  times: 'shared' | 'own',
  parts: Record<string, (chance: Chance) => Promise<void>>,
) {
  const chance = new Chance(commandWorld(t), times, times);
  t.diagnostic(`SEED=${seed} ROUNDS=${rounds}`);
  await chance.start();
  const names = Object.keys(parts);
  for (let round = 0; round < rounds; round++) {
    const name = names[round % names.length]!;
    await parts[name]!(chance);
    await chance.quiet(`round ${round}, ${name}`);
  }
  await chance.mirror.stop();
  assert.deepEqual(leftOver(chance.world.dest), []);
}

const away = async (chance: Chance) => {
  await chance.storm(10);
  chance.leave();
  await chance.storm();
  await heard(chance.mirror, 'dest_missing', heardOf(chance.mirror, 'dest_back').length + 1);
  await chance.storm(10);
  await chance.comeBack();
  await chance.storm(10);
};

const full = async (chance: Chance) => {
  await chance.kill();
  await chance.start();
  const makeRoom = chance.fill();
  await chance.storm();
  writeFileSync(join(chance.world.source, 'marker that has no room'), Buffer.alloc(2_000_000, chance.draw(256)));
  await heard(chance.mirror, 'replica_waiting');
  makeRoom();
  await chance.storm(10);
};

const only = (parts: Record<string, (chance: Chance) => Promise<void>>, t: TestContext) => {
  if (isRoot) return parts;
  t.diagnostic('not root: DEST was neither full nor away');
  return { storm: parts.storm! };
};

test('files that differ only in their content are followed through all that happens to SOURCE and DEST', (t) =>
  follow(t, 'shared', only({ storm: (chance) => chance.storm(3 * ACTS), away }, t)));

test('what happened just before a mirror was killed, and while none ran, is in DEST after its start', (t) =>
  follow(t, 'own', {
    ...only({ full }, t),
    storm: async (chance) => {
      await chance.storm();
      await chance.kill();
      await chance.storm();
      await chance.start();
      await chance.storm();
    },
  }));
