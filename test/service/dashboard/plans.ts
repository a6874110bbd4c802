/** How SQLite reads what a piece of code asks of a state: the plan of each statement, which says what is searched and what is read whole. */
import assert from 'node:assert/strict';
import { Rows } from '../../../queue/sqlite/rows.js';
import { editDatabase } from '../../world/database.js';

/** `DETAIL ← STATEMENT`, of each statement that `act` runs. */
export function plansOf(statePath: string, act: () => void): string[] {
  const { statement, arrays } = Rows.prototype;
  const seen = new Set<string>();
  Rows.prototype.statement = function recorded(this: Rows, sql) {
    seen.add(sql);
    return statement.call(this, sql);
  };
  Rows.prototype.arrays = function recorded(this: Rows, sql, ...params) {
    seen.add(sql);
    return arrays.call(this, sql, ...params);
  };
  try {
    act();
  } finally {
    Object.assign(Rows.prototype, { statement, arrays });
  }
  const plans: string[] = [];
  editDatabase(statePath, (db) => {
    for (const sql of seen) {
      if (!/^\s*(SELECT|WITH)/.test(sql)) continue;
      const rows = db.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...unbound(sql)) as { detail: string }[];
      plans.push(...rows.map(({ detail }) => `${detail} ← ${sql.replace(/\s+/g, ' ')}`));
    }
  });
  assert.ok(plans.length > 15, 'the statements were seen');
  return plans;
}

/** A value for each parameter: a plan does not depend on them. */
const unbound = (sql: string): unknown[] =>
  /[^:]:[a-z]/.test(sql) ? [{ feed: 'default', now: 0, from: 0 }] : Array.from(sql.match(/\?/g) ?? [], () => 0);
