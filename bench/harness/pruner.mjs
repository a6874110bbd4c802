/**
 * A process that prunes a state as a producer does, and tells how long its transactions kept the others from writing.
 * Arguments: the state, what ended before how many ms ago, and how often as long as a piece its rest is. SIGTERM ends it.
 */
import { Rows } from '../../dist/queue/sqlite/rows.js';
import { openState } from '../../dist/src/ledger/open-state.js';
import { Pace } from '../../dist/src/recover/pace.js';
import { pruneHistory } from '../../dist/src/recover/prune-history.js';
import { percentile } from './statistics.mjs';

const [path, agoMs, restTimes] = process.argv.slice(2);
const holds = [];
const commits = [];
const { run } = Rows.prototype;
let beganMs;

/** A read ends by COMMIT too. The lock is held from the end of BEGIN IMMEDIATE to the end of COMMIT at the latest. */
Rows.prototype.run = function (sql, ...params) {
  const fromMs = performance.now();
  const answer = run.call(this, sql, ...params);
  if (sql === 'BEGIN IMMEDIATE') beganMs = performance.now();
  if (sql === 'COMMIT' && beganMs !== undefined) {
    holds.push(performance.now() - beganMs);
    commits.push(performance.now() - fromMs);
    beganMs = undefined;
  }
  return answer;
};

let isOver = false;
process.on('SIGTERM', () => {
  isOver = true;
});
const backend = await openState({ statePath: path, title: 'bench', maxAttempts: 8 });
holds.length = 0;
const fromMs = performance.now();
const beforeMs = Date.now() - Number(agoMs);
const { jobs, records } = await pruneHistory({
  ...{ view: backend, backend, beforeMs, pace: new Pace(Number(restTimes)), isOver: () => isOver },
});
const seconds = (performance.now() - fromMs) / 1000;
const longest = (list) => list.reduce((most, ms) => Math.max(most, ms), 0);
const told = { jobs, records, seconds, transactions: holds.length, holdP99Ms: percentile(holds, 0.99) };
console.log(JSON.stringify({ ...told, holdMaxMs: longest(holds), commitMaxMs: longest(commits) }));
await backend.close();
