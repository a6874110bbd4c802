/**
 * In random order, places fail and recover, receivers come and go, and notifiers end or die between an answer and its commit.
 * At the end the receiver knows exactly the troubles that there are. SEED=… runs one again.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Receiver } from '../../../src/service/alarms/channel.js';
import { limits } from '../../../src/service/alarms/limits.js';
import type { ToldAlarm } from '../../../src/service/alarms/message.js';
import { dice } from '../../crash/dice.js';
import { Told, Web } from './receiver.js';

const PLACES = ['warehouse', 'manifests', 'work'];
const STEPS = 60;

test('the sent alarms add up to the present troubles, whatever happens', async (t) => {
  const seed = process.env.SEED ?? String(process.hrtime.bigint() % 1_000_000n);
  t.diagnostic(`SEED=${seed}`);
  const below = dice(`${seed} alarms`);
  const web = await Web.open(t);
  const told = await Told.open(t, web);
  const [receiver] = told.receivers as [Receiver];
  const failing = new Set<string>();
  let [isAway, unwritten] = [false, 0];
  const acts: (() => Promise<unknown>)[] = [
    ...PLACES.map((place) => async () => {
      await (failing.has(place) ? told.reopen(place) : told.close(place));
      if (!failing.delete(place)) failing.add(place);
    }),
    () => told.hold(1 + below(5)),
    async () => {
      await (isAway ? web.back() : web.away());
      isAway = !isAway;
    },
    async () => {
      await told.die();
      await told.start();
    },
    async () => {
      // From now on the answer comes, and is never recorded.
      const tried: Promise<unknown>[] = [];
      const send: Receiver['send'] = (...sent) => {
        const answered = receiver.send(...sent);
        tried.push(answered.catch(() => {}));
        return answered.then(() => new Promise<void>(() => {}));
      };
      told.receivers = [{ ...receiver, send }];
      await told.die();
      await told.start();
      const before = web.told.length;
      told.receivers = [receiver];
      for (let i = 0; i < 5; i++) {
        told.clock.now += limits.lookEveryMs;
        await told.alarms.turn();
      }
      await Promise.all(tried);
      unwritten += web.told.length - before;
      await told.die();
      await told.start();
    },
  ];
  for (let step = 0; step < STEPS; step++) {
    await acts[below(acts.length)]!();
    await told.pass(limits.lookEveryMs * (1 + below(12)));
  }
  if (isAway) await web.back();
  await told.pass(limits.retryLongestMs + 2 * limits.messageEveryMs + limits.absentMs);
  const all = web.messages.flatMap(({ alarms }) => alarms);
  assert.deepEqual(openIn(all), [...failing].sort());
  t.diagnostic(
    `${all.length} sent in ${web.bodies.length} messages; ${unwritten} by a notifier that died after the answer`,
  );
  inOrder(all, unwritten);
});

/** The open troubles, as a receiver knows them that keeps the last message of each episode. Held files stay held. */
function openIn(all: readonly ToldAlarm[]): string[] {
  const last = new Map(all.map((alarm) => [alarm.id, alarm]));
  return [...last.values()]
    .filter(({ event, code }) => event !== 'ended' && code === 'ENOSPC')
    .map(({ what }) => what)
    .sort();
}

function inOrder(all: readonly ToldAlarm[], repeatsMax: number): void {
  let repeats = 0;
  for (const id of new Set(all.map((alarm) => alarm.id))) {
    const events = all.filter((alarm) => alarm.id === id).map(({ event, count }) => `${event} ${count}`);
    repeats += events.length - new Set(events).size;
    const ended = events.findIndex((event) => event.startsWith('ended'));
    assert.ok(ended < 0 || events.slice(ended).every((event) => event === events[ended]), events.join(', '));
    assert.ok(
      events.slice(1).every((event) => !event.startsWith('began') || repeatsMax > 0),
      events.join(', '),
    );
  }
  assert.ok(repeats <= repeatsMax, `${repeats} were sent twice`);
}
