/**
 * Makes files as fast as it can, one directory after the other, as an archive is unpacked. Arguments: how many, then the
 * file with the directories they are spread over. Says when it began and ended.
 */
import { readFileSync, writeFileSync } from 'node:fs';

const [count, list] = process.argv.slice(2);
const directories = readFileSync(list, 'utf8').split('\n');
const nowMs = () => Number(process.hrtime.bigint()) / 1e6;

const each = Math.ceil(Number(count) / directories.length);

const beganMs = nowMs();
for (let n = 0; n < Number(count); n++) writeFileSync(`${directories[Math.floor(n / each)]}/storm-${n}`, 'content\n');
process.stdout.write(`stormed ${JSON.stringify({ beganMs, endedMs: nowMs() })}\n`);
