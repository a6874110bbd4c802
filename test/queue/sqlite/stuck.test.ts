/**
 * An owner hung in a place until its parent killed it: no job is blamed, and the caller learns which stages need the
 * place.
 */
import assert from 'node:assert/strict';
import { Owners } from '../../../queue/owners.js';
import { host } from '../../../src/linux/index.js';
import { candidate, scenario } from '../world.js';
import { sqlite } from './kind.js';

scenario(
  sqlite,
  'killed for its silence in a place: no crash is counted, in one transaction with what closes it',
  async (world) => {
    const queue = await world.open();
    await queue.enqueue([candidate('a', { feed: 'one' }), candidate('b', { feed: 'two' })]);
    for (const inProgress of [true, false]) {
      const child = await world.child();
      const [job] = await child.ask<{ id: string }[]>('claim', 'first', 9);
      await child.ask('inProgress', inProgress ? job!.id : null);
      const parent = new Owners(host(), `${world.address}.owners`);
      parent.noteStall(await child.ask<number>('owner'));
      await child.kill();
      parent.close();
      const told: unknown[] = [];
      const [rescue] = await queue.rescue((tx, at, place) => {
        const works = at.map((work) => `${work.feed} ${work.stage}${work.inProgress ? ' in hand' : ''}`);
        told.push([tx.job(job!.id)?.state, works.sort(), place]);
      });
      const feed = queue.job(job!.id)!.feed;
      const all = ['one', 'two'].map((name) => `${name} first${inProgress && name === feed ? ' in hand' : ''}`);
      assert.deepEqual(told, [['claimed', all, 'somewhere']]);
      assert.deepEqual([rescue?.jobs, rescue?.stuckIn, rescue?.poisoned], [2, 'somewhere', []]);
      assert.deepEqual([queue.job(job!.id)?.state, queue.job(job!.id)?.crashes], ['ready', 0]);
    }
  },
);
