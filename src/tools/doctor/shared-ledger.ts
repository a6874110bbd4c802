/** Whether the ledger that hosts share answers, has tables of this version, and has a role with settings that fit. Only reads. */
import { withDatabase } from '../../shared-ledger/database.js';
import { SharedError } from '../../shared-ledger/errors.js';
import { checkSchema } from '../../shared-ledger/schema.js';
import { type Finding, fail, ok, said, warn } from './words.js';

const ABOUT = 'shared ledger';
/** Shorter: a busy server undoes its work again and again. Longer: this host cuts the connection first (15 s). */
const [TIMEOUT_MIN_MS, TIMEOUT_MAX_MS] = [1_000, 12_000];

interface Settings {
  role: string;
  timeoutMs: number;
  commit: string;
}

const SETTINGS = `SELECT quote_ident(current_user) AS role, current_setting('synchronous_commit') AS commit,
  (SELECT setting::float8 FROM pg_settings WHERE name = 'statement_timeout') AS "timeoutMs"`;

export async function checkSharedLedger(url: string): Promise<Finding[]> {
  const found: Finding[] = [];
  try {
    await withDatabase(url, async (shared) => {
      const [settings] = await shared.rows<Settings>(SETTINGS);
      found.push(ok(ABOUT, `${shared.where} answers`), ...checkSettings(settings!));
      await checkSchema(shared);
      found.push(ok(ABOUT, 'its tables have the version of this ingestor'));
    });
  } catch (error) {
    if (!(error instanceof SharedError)) throw error;
    found.push(said(ABOUT, error.message));
  }
  return found;
}

function* checkSettings({ role, timeoutMs, commit }: Settings): Generator<Finding> {
  const isFit = timeoutMs >= TIMEOUT_MIN_MS && timeoutMs <= TIMEOUT_MAX_MS;
  const timeout = `statement_timeout of ${role} is ${timeoutMs === 0 ? 'off' : `${timeoutMs} ms`}`;
  yield isFit
    ? ok(ABOUT, timeout)
    : warn(
        ABOUT,
        `${timeout}: from 1 s to 12 s, the server itself ends a statement that hangs, and it is sent again`,
        `run ALTER ROLE ${role} SET statement_timeout = '10s'`,
      );
  const kept = `synchronous_commit of ${role} is ${commit}`;
  yield commit === 'off'
    ? fail(
        ABOUT,
        `${kept}: a crash of the server undoes what it has confirmed, and a content may be stored at two hosts`,
        `run ALTER ROLE ${role} SET synchronous_commit = 'on'`,
      )
    : ok(ABOUT, kept);
}
