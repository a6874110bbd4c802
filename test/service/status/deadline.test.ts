/** Until when something has to arrive, in time zones that change their clocks. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseExpectation, shownExpectation } from '../../../src/base/config/values/expect.js';
import { deadlineAfter } from '../../../src/service/status/late.js';

const HOUR = 3_600_000;
const BERLIN = 'Europe/Berlin';

function deadline(expected: string, timezone: string, last: string, isArrival = true): string {
  return new Date(deadlineAfter(parseExpectation(expected)!, timezone, Date.parse(last), isArrival)).toISOString();
}

test('what comes within its window meets the deadline, also too late; the next one is the next day that counts', () => {
  const orders = 'orders-*.csv by 06:30 on mon-fri';
  // Friday 6 March 2026, 06:30 in Berlin is 05:30Z.
  assert.equal(deadline(orders, BERLIN, '2026-03-05T22:59:00Z'), '2026-03-06T05:30:00.000Z', 'before midnight');
  assert.equal(deadline(orders, BERLIN, '2026-03-05T23:00:00Z'), '2026-03-09T05:30:00.000Z', 'at midnight');
  assert.equal(deadline(orders, BERLIN, '2026-03-06T05:29:00Z'), '2026-03-09T05:30:00.000Z', 'on time');
  assert.equal(deadline(orders, BERLIN, '2026-03-06T15:00:00Z'), '2026-03-09T05:30:00.000Z', 'too late');
  assert.equal(deadline(orders, BERLIN, '2026-03-07T12:00:00Z'), '2026-03-09T05:30:00.000Z', 'on a Saturday');
});

test('where nothing has arrived yet, the next deadline counts, however late in its window it was first looked at', () => {
  const orders = 'orders-*.csv by 06:30 on mon-fri';
  assert.equal(deadline(orders, 'UTC', '2026-03-06T06:29:00Z', false), '2026-03-06T06:30:00.000Z');
  assert.equal(deadline(orders, 'UTC', '2026-03-06T06:30:00Z', false), '2026-03-09T06:30:00.000Z');
});

test('a window may begin the day before', () => {
  const nightly = 'x by 06:30 from 20:00';
  assert.equal(deadline(nightly, 'UTC', '2026-03-05T19:59:00Z'), '2026-03-06T06:30:00.000Z');
  assert.equal(deadline(nightly, 'UTC', '2026-03-05T20:00:00Z'), '2026-03-07T06:30:00.000Z');
  assert.equal(deadline('x by 00:00', 'UTC', '2026-03-05T00:00:00Z'), '2026-03-07T00:00:00.000Z');
});

test('every so often is measured from the last one', () => {
  assert.equal(deadline('x every 24h', BERLIN, '2026-03-28T12:00:00Z'), '2026-03-29T12:00:00.000Z');
  assert.equal(deadline('x every 90m', BERLIN, '2026-03-28T12:00:00Z', false), '2026-03-28T13:30:00.000Z');
});

test('the clock put forward and back: a time that is missing counts from before, of one that is there twice the first', () => {
  assert.equal(deadline('x by 02:30', BERLIN, '2026-03-28T12:00:00Z'), '2026-03-29T01:30:00.000Z', '03:30 summer time');
  assert.equal(deadline('x by 03:00', BERLIN, '2026-03-28T12:00:00Z'), '2026-03-29T01:00:00.000Z');
  assert.equal(deadline('x by 02:30', BERLIN, '2026-10-24T12:00:00Z'), '2026-10-25T00:30:00.000Z', 'summer time');
  assert.equal(deadline('x by 06:30', BERLIN, '2026-10-24T12:00:00Z'), '2026-10-25T05:30:00.000Z');
  assert.equal(deadline('x by 02:15', 'Australia/Lord_Howe', '2026-10-03T00:00:00Z'), '2026-10-03T15:45:00.000Z');
});

for (const timezone of [BERLIN, 'America/St_Johns', 'Africa/Cairo'])
  test(`a year of deadlines in ${timezone}: one a day, at that time of day but where it is missing`, () => {
    const shown = new Intl.DateTimeFormat('en-GB', { timeZone: timezone, hour: '2-digit', minute: '2-digit' });
    for (const time of ['00:00', '02:30', '23:59']) {
      const expected = parseExpectation(`x by ${time}`)!;
      let atMs = Date.UTC(2026, 0, 1, 12);
      let odd = 0;
      for (let day = 0; day < 365; day++) {
        const nextMs = deadlineAfter(expected, timezone, atMs, false);
        assert.ok(nextMs > atMs && nextMs - atMs <= 26 * HOUR, new Date(atMs).toISOString());
        if (shown.format(nextMs) !== time) odd++;
        atMs = nextMs;
      }
      assert.ok(odd <= 1, `${odd} days at another time`);
    }
  });

test('an expectation is shown as it can be written', () => {
  const shown = (text: string) => shownExpectation(parseExpectation(text)!);
  for (const text of [
    'a b.csv by 06:30',
    'x by 06:30 on mon+wed',
    'x by 06:30 from 20:00',
    'x every 90m',
    'x every 2d',
  ])
    assert.equal(shown(text), text);
  assert.equal(shown('x by 06:30 on fri-mon'), 'x by 06:30 on sun+mon+fri+sat');
  assert.equal(shown('x every 24h'), 'x every 1d');
});
