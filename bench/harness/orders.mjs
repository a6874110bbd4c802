/** Csv files of orders: about 95 bytes a record in seven columns. */
import { closeSync, openSync, writeSync } from 'node:fs';

const COUNTRIES = ['DE', 'FR', 'IT', 'ES', 'US', 'GB', 'PL', 'CZ'];

/** `quotes`: two fields of a record are quoted, one with doubled quotes. `badEvery`: the amount of each so many is no number. */
export function writeOrders(path, records, { quotes = false, badEvery = Number.POSITIVE_INFINITY } = {}) {
  const fd = openSync(path, 'w');
  let text = 'id,country,amount,name,email,date,note\n';
  for (let at = 0; at < records; at++) {
    const name = quotes ? '"Smith, John"' : 'John Smith ok';
    const note = quotes && at % 2 ? `"said ""hello"" at ${at % 9973}"` : `plain text of a note ${at % 9973}`;
    const amount = at % badEvery === badEvery - 1 ? 'unknown' : ((at * 31) % 1_000_000) / 100;
    text += `${10_000_000 + at},${COUNTRIES[(at * 7) % 8]},${amount},${name},user${at % 99_991}@example.org,2026-0${1 + (at % 9)}-1${at % 10},${note}\n`;
    if (text.length > 1 << 20) {
      writeSync(fd, text);
      text = '';
    }
  }
  writeSync(fd, text);
  closeSync(fd);
}
