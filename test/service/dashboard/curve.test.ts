/** The curve of files a second: what was counted stays at its time, however late somebody looks. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StatsAnswer } from '../../../src/service/dashboard/answers.js';
import { editDatabase } from '../../world/database.js';
import { createWorld } from '../../world/world.js';
import { dashboardAlone } from './served.js';

interface Curve {
  at: string[];
  files: number[];
}

const RATES = new URL('../../../../src/service/dashboard/page/rates.js', import.meta.url).href;
const { ratesOf } = (await import(RATES)) as {
  ratesOf(points: { at: number; files: number }[]): [at: number[], rate: number[]];
};
const secondsOf = (iso: string): number => Date.parse(iso) / 1_000;

test('a burst that is over is not moved to the moment of a reload, nor to the next file', async (t) => {
  const world = createWorld(t);
  const AGO_MS = 600_000;
  const backInTime = () =>
    editDatabase(world.statePath, (db) => db.prepare('UPDATE history SET at_ms = at_ms - ?').run(AGO_MS));
  for (let n = 0; n < 40; n++) world.drop(`${n}.csv`, 100 + n);
  await world.runOnce();
  const overAt = Date.now() / 1_000;
  backInTime();
  const served = await dashboardAlone(world);
  const curve = async () => {
    const { at, files } = await served.json<Curve>('/history');
    return ratesOf(at.map((moment, n) => ({ at: secondsOf(moment), files: files[n]! })));
  };
  const busyIn = ([at, rate]: [number[], number[]]) => at.filter((_, n) => rate[n]! > 0);
  const isAtItsTime = (second: number) => Math.abs(second - (overAt - AGO_MS / 1_000)) < 25;

  const first = await curve();
  assert.ok(busyIn(first).length > 0 && busyIn(first).every(isAtItsTime), JSON.stringify(first));
  assert.equal(first[1].at(-1), 0);
  const { processed } = await served.json<StatsAnswer>('/stats');
  assert.equal(processed.files_per_second, 0, 'as the flow has it');

  world.drop('next.csv', 10);
  await world.runOnce();
  const then = await curve();
  const peak = then[0][then[1].indexOf(Math.max(...then[1]))]!;
  assert.ok(isAtItsTime(peak), JSON.stringify(then));
  assert.ok(
    busyIn(then).some((second) => second >= overAt),
    'and the next file has its own time',
  );
});
