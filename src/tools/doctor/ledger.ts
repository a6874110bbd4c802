/** Checks whether the shared ledger can be used, and whether it keeps commits through a crash. */
import { type Rows, SharedConnection } from '../../fleet/connection.js';
import { SharedError } from '../../fleet/errors.js';
import { checkSchema, hasTables } from '../../fleet/schema.js';
import { type Finding, fail, ok, warn } from './words.js';

const ABOUT = 'shared ledger';
const OLDEST = 15;

interface Settings {
  version: number;
  standby: boolean;
  fsync: string;
  full: string;
  standbys: string;
}

const SETTINGS = `SELECT current_setting('server_version_num')::int / 10000 AS version, pg_is_in_recovery() AS standby,
  current_setting('fsync') AS fsync, current_setting('full_page_writes') AS full,
  current_setting('synchronous_standby_names') AS standbys`;

/** Returns the tables on which the role lacks a permission. */
const RIGHTS = `SELECT name FROM unnest(ARRAY['hosts', 'contents', 'permissions', 'conflicts']) AS t (name)
  WHERE NOT (has_table_privilege(name, 'SELECT') AND has_table_privilege(name, 'INSERT')
         AND has_table_privilege(name, 'UPDATE') AND has_table_privilege(name, 'DELETE'))`;

/** `host`: the host of this state, if it has joined. */
export async function checkSharedLedger(url: string, host: string | undefined): Promise<Finding[]> {
  const shared = new SharedConnection(url);
  try {
    return await checkServer(shared, host);
  } catch (error) {
    if (!(error instanceof SharedError)) throw error;
    return [fail(ABOUT, error.message, 'as it says')];
  } finally {
    await shared.close();
  }
}

async function checkServer(shared: Rows, host: string | undefined): Promise<Finding[]> {
  const [settings] = await shared.rows<Settings>(SETTINGS);
  const { version, standby, fsync, full, standbys } = settings!;
  const where = `PostgreSQL ${version} at ${shared.where}`;
  if (version < OLDEST) return [fail(ABOUT, `${where} is older than ${OLDEST}`, 'upgrade it')];
  if (standby)
    return [fail(ABOUT, `${where} is a standby, and read only`, 'name the primary, or a proxy that leads to it')];
  const found = [ok(ABOUT, `${where} answers`)];
  for (const [name, value] of Object.entries({ fsync, full_page_writes: full }))
    if (value !== 'on')
      found.push(
        fail(ABOUT, `${name} is ${value} there: a loss of power can undo what it has confirmed`, `set ${name} = on`),
      );
  if (standbys === '')
    found.push(
      warn(
        ABOUT,
        'it has no synchronous standby: a standby that takes over may lack the last commits, and a content may then be stored at two hosts, which is named',
        'set synchronous_standby_names, if you fail over',
      ),
    );
  return [...found, ...(await checkTables(shared, host))];
}

async function checkTables(shared: Rows, host: string | undefined): Promise<Finding[]> {
  if (!(await hasTables(shared)))
    return [warn(ABOUT, 'it has no tables yet', 'ingest-ctl host join makes them: its role needs CREATE for that')];
  await checkSchema(shared);
  const lacking = await shared.rows<{ name: string }>(RIGHTS);
  if (lacking.length > 0) {
    const tables = lacking.map(({ name }) => name).join(', ');
    return [fail(ABOUT, `the role may not use ${tables}`, 'grant SELECT, INSERT, UPDATE and DELETE')];
  }
  if (host === undefined) return [warn(ABOUT, 'this state has not joined it', 'ingest-ctl host join NAME')];
  const [known] = await shared.rows<{ name: string; forgotten: boolean }>(
    'SELECT name, forgotten_at IS NOT NULL AS forgotten FROM hosts WHERE id = $1',
    [host],
  );
  if (!known) return [fail(ABOUT, `it does not know this host (${host})`, 'ingest-ctl host join NAME')];
  if (known.forgotten)
    return [fail(ABOUT, `it has ${known.name} as gone for ever`, `ingest-ctl host rejoin ${known.name}`)];
  return [ok(ABOUT, `this host is ${known.name} there`)];
}
