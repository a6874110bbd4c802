/**
 * Records into a change log until it is killed, and prints each acknowledged change: `SEQ KEY OPERATION`, one a line.
 * Arguments: the log, a name for its keys.
 */
import { writeSync } from 'node:fs';
import { createChangeLog } from '../../src/change-log/index.js';

const [path, name] = process.argv.slice(2) as [string, string];
const log = await createChangeLog({ path });
for (let n = 0; ; n++) {
  // Several at a time share a commit; each is acknowledged by its own promise.
  const lines = await Promise.all(
    [0, 1, 2].map(async (k) => {
      const key = `${name}-${(n * 3 + k) % 50}`;
      const operation = n % 4 === 3 ? 'delete' : 'put';
      const seq = await log.record({ key, operation, timestamp: new Date(n) });
      return `${seq} ${key} ${operation}\n`;
    }),
  );
  writeSync(1, lines.join(''));
}
