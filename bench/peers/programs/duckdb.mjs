/** duckdb.mjs CSV DIRECTORY: splits by country; what has no number as its amount goes to country=reject. */
import { DuckDBInstance } from '@duckdb/node-api';

const [csv, directory] = process.argv.slice(2);
const connection = await (await DuckDBInstance.create(':memory:')).connect();
await connection.run(`COPY (
  SELECT * REPLACE (CASE WHEN TRY_CAST(amount AS DOUBLE) IS NULL THEN 'reject' ELSE country END AS country)
  FROM read_csv('${csv}', all_varchar = true)
) TO '${directory}' (FORMAT csv, HEADER, PARTITION_BY (country))`);
connection.closeSync();
