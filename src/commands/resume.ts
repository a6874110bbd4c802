/** ingest-ctl resume: opens what pause closed, within the stage and feed that are named; other causes stay closed. */
import type { Gate } from '../../queue/backend.js';
import { askedFor } from './ask.js';
import { say, tell } from './console.js';
import { operate } from './operate.js';
import { pauseScope, scopeText } from './pause-scope.js';

export async function resume(argv: readonly string[]): Promise<number> {
  const invocation = askedFor('resume', argv);
  if (!invocation) return 0;
  const { feed, stage } = pauseScope(invocation);
  return operate(invocation, async (backend) => {
    const isWithin = (gate: Gate) => (stage === '*' || gate.stage === stage) && (feed === '*' || gate.feed === feed);
    const mine = backend.gates().filter((gate) => gate.cause === 'pause' && isWithin(gate));
    const opened = await backend.transact((tx) => mine.filter((gate) => tx.openGate(gate)));
    for (const gate of opened) say(`${scopeText(gate.feed, gate.stage)} is open again`);
    if (opened.length === 0) say(`${scopeText(feed, stage)} was not paused`);
    const concerns = (gate: Gate) =>
      (gate.stage === '*' || stage === '*' || gate.stage === stage) &&
      (gate.feed === '*' || feed === '*' || gate.feed === feed);
    for (const gate of backend.gates().filter(concerns)) {
      const why =
        gate.cause === 'pause'
          ? 'a pause (ingest-ctl resume without a stage or feed opens it)'
          : `${gate.code}: ${gate.reason}`;
      tell(`ingest-ctl resume: ${scopeText(gate.feed, gate.stage)} is still closed by ${why}`);
    }
    return 0;
  });
}
