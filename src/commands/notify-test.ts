/**
 * ingest-ctl notify-test: sends a test alarm to the receivers that ingest would notify, and prints what each answered.
 * Guarantees: the message, the signature and the time limits are those of real alarms; the state is only read, and may not be there yet.
 */
import { hostname } from 'node:os';
import { notifyOf } from '../base/config/notify.js';
import { anyShellOf } from '../base/config/paste.js';
import type { Invocation } from '../base/config/read.js';
import { isStateThere, statePathOf } from '../base/config/state-path.js';
import { EXIT, OperatorError } from '../base/errors.js';
import { safeText } from '../base/telemetry/safe.js';
import { failureOf, type Receiver } from '../service/alarms/channel.js';
import { clock } from '../service/alarms/clock.js';
import { type Message, messageOf, type ToldAlarm } from '../service/alarms/message.js';
import { receiversOf } from '../service/alarms/run.js';
import { print } from './console.js';
import { withStateAt } from './state.js';
import { callerName } from './state-view.js';

export async function notifyTest(invocation: Invocation): Promise<number> {
  const notify = notifyOf(invocation, process.env);
  if (notify === undefined)
    throw new OperatorError(
      'missing_option',
      'ingest-ctl notify-test needs a receiver of alarms, but none is configured; add --notify-command or --notify-webhook, or --config FILE of the service.',
    );
  const message = await testMessage(invocation);
  let code: number = EXIT.done;
  for (const { name, withinMs, send } of receiversOf(notify, clock)) {
    const failure = await failureOf(withinMs, (signal) => send(message, signal));
    const answer = failure === undefined ? ACCEPTED[name] : `did not accept the test alarm: ${failure}`;
    print(safeText(`--notify-${name} ${answer}`));
    if (failure !== undefined) code = EXIT.unfinished;
  }
  print('A service that runs has the receivers of its start: restart it after a change.');
  return code;
}

const ACCEPTED: Record<Receiver['name'], string> = {
  command: 'accepted the test alarm: it ended with exit code 0',
  webhook: 'accepted the test alarm: it answered with a code from 200 to 299',
};

async function testMessage(invocation: Invocation): Promise<Message> {
  const statePath = statePathOf(invocation, process.env);
  const about = { host: hostname(), state: await uuidOf(statePath), statePath };
  const batch = { alarms: [testAlarm(new Date().toISOString())], more: 0, missed: 0, upTo: 0 };
  return messageOf(batch, { ...about, shell: anyShellOf(invocation, process.env) }, Date.now());
}

/** No later message says that it has ended. */
const testAlarm = (now: string): ToldAlarm => ({
  ...{ id: `test ${now}`, event: 'began', feed: '*', code: 'test', stage: '*', what: '', count: 0 },
  sentence: `This is a test alarm, which ${callerName()} asked for: nothing is wrong.`,
  release: 'nothing is to be done',
  ...{ since: now, began_at: now, ended_at: null },
});

/** '' before the first start. */
const uuidOf = async (statePath: string): Promise<string> =>
  isStateThere(statePath) ? withStateAt(statePath, ({ uuid }) => uuid) : '';
