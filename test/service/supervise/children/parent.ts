/** A parent as a process of its own: `node parent.js CHILD FOLDER`; prints each event as a JSON line. */
import { argv, stdout } from 'node:process';
import type { Fields } from '../../../../src/base/telemetry/emit.js';
import { runUnderSignals } from '../../../../src/service/supervise/signals.js';
import { Supervisor } from '../../../../src/service/supervise/supervisor.js';
import { childOf, configIn, TWO_WORKERS } from '../family.js';

const emit = (event: string, fields: Fields = {}) => void stdout.write(`${JSON.stringify({ event, ...fields })}\n`);
const supervisor = new Supervisor({
  children: TWO_WORKERS,
  config: configIn(argv[3]!, 600),
  logs: 'json',
  emit,
  childModule: childOf(argv[2]!),
});
const ended = await runUnderSignals(supervisor, emit);
process.exitCode = ended.exitCode;
