/** Whether the ledger that hosts share answers, has tables of this version, and has a role with settings that fit. Only reads. */
import { withDatabase } from '../../shared-ledger/database.js';
import { SharedError } from '../../shared-ledger/errors.js';
import { checkSchema } from '../../shared-ledger/schema.js';
import { type Finding, fail, ok, said, warn } from './words.js';

const ABOUT = 'shared ledger';
/** Shorter: a busy server undoes its work again and again. Longer: this host cuts the connection first (15 s). */
const [TIMEOUT_MIN_MS, TIMEOUT_MAX_MS] = [1_000, 12_000];
const SETTINGS = `SELECT quote_ident(current_user) AS role, current_setting('synchronous_commit') AS commit,
  (SELECT setting::float8 FROM pg_settings WHERE name = 'statement_timeout') AS ms`;

export async function checkSharedLedger(url: string): Promise<Finding[]> {
  const found: Finding[] = [];
  try {
    await withDatabase(url, async (shared) => {
      const [settings] = await shared.rows<{ role: string; commit: string; ms: number }>(SETTINGS);
      const { role, commit, ms } = settings!;
      const alter = `run ALTER ROLE ${role} SET`;
      const timeout = `statement_timeout of ${role} is ${ms} ms`;
      const kept = `synchronous_commit of ${role} is ${commit}`;
      found.push(
        ok(ABOUT, `${shared.where} answers`),
        ms >= TIMEOUT_MIN_MS && ms <= TIMEOUT_MAX_MS
          ? ok(ABOUT, timeout)
          : warn(ABOUT, `${timeout}, and not from 1 s to 12 s`, `${alter} statement_timeout = '10s'`),
        commit === 'off'
          ? fail(ABOUT, `${kept}: a crash undoes what it has confirmed`, `${alter} synchronous_commit = 'on'`)
          : commit === 'local'
            ? warn(ABOUT, `${kept}: a standby may not have what was confirmed`, `${alter} synchronous_commit = 'on'`)
            : ok(ABOUT, kept),
      );
      await checkSchema(shared);
      found.push(ok(ABOUT, 'its tables have the version of this ingestor'));
    });
  } catch (error) {
    if (!(error instanceof SharedError)) throw error;
    found.push(said(ABOUT, error.message));
  }
  return found;
}
