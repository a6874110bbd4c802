/** A file that was taken by mistake goes back, also where only a copy can. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Directories } from '../../../src/files/directories.js';
import { FeedFiles, openRoot } from '../../../src/ingest/files/feed-files.js';
import { putBack } from '../../../src/ingest/files/put-back.js';
import { type ByteName, nameOfText } from '../../../src/linux/index.js';
import { workDirOf } from '../../world/layout.js';
import { Bench } from '../stages/bench.js';

const ELSEWHERE = '/dev/shm';
const NAME = nameOfText('a.csv.ok');
const JOB = { id: '01ARZ3NDEKTSV4RRFFQ69G5F00', path: nameOfText('a.csv'), inside: '' as ByteName };

for (const isTaken of [false, true])
  test(`across mounts, where ${isTaken ? 'another file lies there: both stay' : 'the name is free: by a copy'}`, async (t) => {
    const bench = await Bench.open();
    t.after(() => bench.close());
    const { world, feed } = bench;
    if (!existsSync(ELSEWHERE) || statSync(ELSEWHERE).dev === statSync(world.input).dev)
      return t.skip(`no other filesystem in ${ELSEWHERE}: a copy back was not tested`);
    const away = mkdtempSync(join(ELSEWHERE, 'put-back-'));
    t.after(() => rmSync(away, { recursive: true }));
    const [from, to] = [join(away, NAME), join(world.input, NAME)];
    writeFileSync(from, 'taken');
    if (isTaken) writeFileSync(to, 'a newer one');
    const there = new Directories(openRoot(away));
    const files = new FeedFiles(feed.roots);
    assert.equal(await putBack(files, JOB, there.entry(NAME), files.input.entry(NAME)), !isTaken);
    files.close();
    there.close();
    assert.equal(readFileSync(to, 'utf8'), isTaken ? 'a newer one' : 'taken');
    assert.deepEqual(readdirSync(away), isTaken ? [NAME] : []);
    const under = join(workDirOf(world.feed()), 'underprocess');
    assert.deepEqual(existsSync(under) ? readdirSync(under) : [], []);
  });
