/** The completion rule across reboots of the machine, and where a file was changed after it was seen. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openRoot } from '../../../src/ingest/files/feed-files.js';
import { completion } from '../../../src/ingest/rules/completion.js';
import { identityOf } from '../../../src/ingest/rules/identity.js';
import { nameOfText, type Stat, statAt } from '../../../src/linux/index.js';
import { feedOptions } from '../producer/world.js';

const [YESTERDAY, NOW] = [
  { boot: 'the boot before', sinceMs: 30 * 86_400_000 },
  { boot: 'this boot', ms: 60_000 },
];

function freshFile(mtime?: number): Stat {
  const folder = mkdtempSync(join(tmpdir(), 'completion-'));
  writeFileSync(join(folder, 'x'), 'x');
  if (mtime !== undefined) utimesSync(join(folder, 'x'), mtime, mtime);
  const stat = statAt(openRoot(folder), nameOfText('x'));
  rmSync(folder, { recursive: true });
  return stat;
}

test('without a window a file that was seen before a reboot is complete after it', () => {
  const stat = freshFile();
  const seen = { ...YESTERDAY, identity: identityOf(stat), by: 'scan' as const };
  const atOnce = { ...feedOptions('/in'), stabilitySeconds: 0, quietMs: 0 };
  const sidecar = { kind: 'there', ctimeNs: stat.ctimeNs, hasChecksum: false } as const;
  assert.deepEqual(completion({ ...atOnce, mode: 'sidecar' }, seen, stat, sidecar, NOW), { complete: true });
  assert.deepEqual(completion(atOnce, seen, stat, { kind: 'missing' }, NOW), { complete: true });
});

test('with a window it waits for the whole of it again', () => {
  const stat = freshFile();
  const seen = { ...YESTERDAY, identity: identityOf(stat), by: 'write' as const };
  const rule = completion({ ...feedOptions('/in'), stabilitySeconds: 10 }, seen, stat, { kind: 'missing' }, NOW);
  assert.deepEqual(rule.complete ? rule : [rule.why, rule.inMs, rule.seen?.boot], ['window', 10_000, NOW.boot]);
});

test('the sign of a cut upload is the reason also where the file has changed since, or the machine was restarted', () => {
  const stat = freshFile(0);
  const feed = { ...feedOptions('/in'), stabilitySeconds: 10, partialUploadSeconds: 3_600 };
  for (const seen of [
    { boot: NOW.boot, sinceMs: 1, identity: 'another', by: 'write' as const },
    { ...YESTERDAY, identity: identityOf(stat), by: 'write' as const },
  ]) {
    const rule = completion(feed, seen, stat, { kind: 'missing' }, NOW);
    assert.deepEqual(rule.complete ? rule : [rule.why, rule.inMs], ['partial_upload', 3_600_000]);
  }
});
