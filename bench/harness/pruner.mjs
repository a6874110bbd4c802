/**
 * A process that prunes a state as a producer does, and tells how long its transactions kept the others from writing.
 * Arguments: the state, what ended before how many ms ago, and how often as long as a piece its rest is. SIGTERM ends it.
 */
import { Rows } from '../../dist/queue/sqlite/rows.js';
import { openState } from '../../dist/src/ingest/ledger/open-state.js';
import { Pieces } from '../../dist/src/ingest/upkeep/pieces.js';
import { pruneHistory } from '../../dist/src/ingest/upkeep/prune-history.js';
import { percentile } from './statistics.mjs';

const [path, agoMs, restTimes] = process.argv.slice(2);
const holds = [];
const checkpoints = [];
const { run } = Rows.prototype;
/** Commits after which about as many pages are in the log as the product lets come together (queue/sqlite/pragmas.ts). */
const CHECKPOINT_EVERY = 20;
let beganMs;

/**
 * The lock is held from the end of BEGIN IMMEDIATE to that of COMMIT (a read ends by COMMIT too). A checkpoint comes after that, within
 * the same call, and keeps nobody from writing: here it is a call of its own, so that the two are told apart.
 */
Rows.prototype.run = function (sql, ...params) {
  const answer = run.call(this, sql, ...params);
  if (sql === 'BEGIN IMMEDIATE') beganMs = performance.now();
  if (sql === 'COMMIT' && beganMs !== undefined) {
    holds.push(performance.now() - beganMs);
    beganMs = undefined;
    this.db.pragma('wal_autocheckpoint = 0');
    if (holds.length % CHECKPOINT_EVERY === 0)
      checkpoints.push(timeOf(() => this.db.pragma('wal_checkpoint(PASSIVE)')));
  }
  return answer;
};

function timeOf(act) {
  const fromMs = performance.now();
  act();
  return performance.now() - fromMs;
}

let isOver = false;
process.on('SIGTERM', () => {
  isOver = true;
});
const backend = await openState({ statePath: path, title: 'bench', maxAttempts: 8 });
holds.length = 0;
const fromMs = performance.now();
const beforeMs = Date.now() - Number(agoMs);
const { jobs, records } = await pruneHistory({
  ...{ view: backend, backend, beforeMs, pieces: new Pieces(Number(restTimes)), isOver: () => isOver },
});
const seconds = (performance.now() - fromMs) / 1000;
const longest = (list) => list.reduce((most, ms) => Math.max(most, ms), 0);
const told = { jobs, records, seconds, transactions: holds.length, lockP99Ms: percentile(holds, 0.99) };
console.log(JSON.stringify({ ...told, lockMaxMs: longest(holds), checkpointMaxMs: longest(checkpoints) }));
await backend.close();
