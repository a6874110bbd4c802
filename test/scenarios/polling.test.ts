/**
 * Scenarios in which the watcher plays a part, and which say nothing of how the input is watched, pass by scans alone
 * (--poll) too: they are run once more, with WATCH=poll. Those of completeness and of upstream jobs run both ways by
 * themselves (watching.ts), so do some of the kills and of the feeds.
 * Does not: run all. `WATCH=poll npm test` by hand runs the others by scans too: what happens behind the watcher (manifests,
 * moves, targets, twins, leases, files that are held), stopped and dying workers, lost state, all kills. What is about inotify itself (overflow)
 * watches by events then too.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { POLLED } from '../world/home.js';
import { Program } from '../world/program.js';

/** Of some files only these tests. */
const files: Record<string, string | undefined> = {
  'failing-places': 'input',
  names: undefined,
  'exactly-once': undefined,
  stops: 'SIGTERM drains',
};
const skip = POLLED && 'all scenarios run by scans alone already';

describe('by scans alone', { concurrency: 2, skip }, () => {
  for (const [name, pattern] of Object.entries(files)) {
    test(name, { timeout: 400_000 }, async (t) => {
      const path = fileURLToPath(new URL(`./${name}.test.js`, import.meta.url));
      const only = pattern ? [`--test-name-pattern=${pattern}`] : [];
      // Without the context it is a run of its own, not a part of this one.
      const env = { WATCH: 'poll', NODE_TEST_CONTEXT: undefined };
      const run = new Program(process.execPath, ['--test', '--test-reporter=tap', ...only, path], undefined, { env });
      t.after(() => run.killAll());
      const { code, stdout } = await run.ended;
      const passed = Number(/^# pass (\d+)$/m.exec(stdout)?.[1] ?? 0);
      const skipped = stdout.match(/^ok .*# SKIP.*$/gm) ?? [];
      t.diagnostic([`${name}: ${passed} passed`, ...skipped].join('\n'));
      assert.equal(code, 0, stdout.slice(-8_000));
      assert(passed + skipped.length > 0, stdout);
    });
  }
});
