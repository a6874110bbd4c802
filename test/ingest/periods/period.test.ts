/** The end of an hour and of a day, also where the clock shows one of them twice, or leaves one out. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FeedOptions } from '../../../src/base/config/options.js';
import { partitionOf } from '../../../src/files/job-paths.js';
import { isOver, type Period } from '../../../src/ingest/periods/period.js';
import { nameOfText } from '../../../src/linux/names.js';

const MINUTE = 60_000;
const feeds = (...zones: string[]) => zones.map((timezone) => ({ timezone }) as FeedOptions);
const over = (root: Period['root'], name: string, at: string, ...zones: string[]) =>
  isOver({ root, name: nameOfText(name) }, feeds(...zones), Date.parse(at));

test('an hour is over a few seconds after its end, and never before', () => {
  const hour = (at: string) => over('manifests', '2026/11/20/08', at, 'UTC');
  assert.equal(hour('2026-11-20T08:59:59.999Z'), false);
  assert.equal(hour('2026-11-20T09:00:02Z'), false);
  assert.equal(hour('2026-11-20T09:00:06Z'), true);
  assert.equal(hour('2026-11-20T07:00:00Z'), false);
});

test('a folder that no feed has is never over', () => {
  assert.equal(over('manifests', '2026/11/20/08', '2027-01-01T00:00:00Z'), false);
});

test('the hour that a clock shows twice in autumn is over after the second time, a day of 25 hours after all of them', () => {
  const hour = (at: string) => over('manifests', '2026/10/25/02', at, 'Europe/Berlin');
  assert.equal(hour('2026-10-25T00:59:59Z'), false);
  assert.equal(hour('2026-10-25T01:00:10Z'), false);
  assert.equal(hour('2026-10-25T01:59:59Z'), false);
  assert.equal(hour('2026-10-25T02:00:10Z'), true);
  const day = (at: string) => over('warehouse', 'ingest_date=2026-10-25', at, 'Europe/Berlin');
  assert.equal(day('2026-10-25T22:59:59Z'), false);
  assert.equal(day('2026-10-25T23:00:10Z'), true);
});

test('a folder of feeds in several zones is over when it is over in every zone', () => {
  const day = (at: string) => over('warehouse', 'ingest_date=2026-11-20', at, 'Asia/Tokyo', 'UTC');
  assert.equal(day('2026-11-20T16:00:00Z'), false);
  assert.equal(day('2026-11-21T00:00:10Z'), true);
});

// In St John's the clock was set back at one minute past midnight, so a date and two hours came twice. Each case is one spring or autumn.
for (const [zone, from, days] of [
  ['America/St_Johns', '2010-11-01', 14],
  ['America/St_Johns', '2010-03-08', 14],
  ['America/Havana', '2025-10-27', 14],
  ['Australia/Lord_Howe', '2026-03-30', 14],
  ['Australia/Lord_Howe', '2026-09-28', 14],
  ['Asia/Kathmandu', '2026-01-01', 3],
] as const)
  test(`no instant lies in an hour or a day that is over: ${zone} from ${from}`, () => {
    const first = Date.parse(`${from}T00:07:00Z`);
    const last = { manifests: new Map<string, number>(), warehouse: new Map<string, number>() };
    for (let at = first; at < first + days * 1_440 * MINUTE; at += 5 * MINUTE) {
      const { hour, date } = partitionOf(at, zone);
      last.manifests.set(hour, at);
      last.warehouse.set(date, at);
    }
    for (const root of ['manifests', 'warehouse'] as const)
      for (const [name, at] of [...last[root]].slice(0, -1)) {
        assert.equal(over(root, name, new Date(at).toISOString(), zone), false, `${name} at ${new Date(at).toJSON()}`);
        assert.equal(over(root, name, new Date(at + 10 * MINUTE).toISOString(), zone), true, `${name} after its end`);
      }
  });
