/**
 * Scenarios that involve the watcher, and that do not depend on how the input is watched, also pass by scans alone (--poll): they
 * are run again with WATCH=poll. The scenarios of completeness and of upstream jobs run both ways by themselves (watching.ts), and so do
 * some of the kills and of the feeds.
 * Does not: run all. `WATCH=poll npm test` by hand runs the others by scans too: the work after the watcher (manifests, moves, targets,
 * twins, leases, held files), stopped and dying workers, lost state, all kills. The scenario about inotify itself (overflow) still
 * watches by events then.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { POLLED } from '../world/home.js';
import { Program } from '../world/program.js';

/** By file: only these of its tests. */
const files: Record<string, string | undefined> = {
  'failing-places': 'input',
  names: undefined,
  'exactly-once': undefined,
  stops: 'SIGTERM drains',
};
const skip = POLLED && 'all scenarios run by scans alone already';

describe('by scans alone', { concurrency: 2, skip }, () => {
  for (const [name, pattern] of Object.entries(files)) {
    test(name, async (t) => {
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
