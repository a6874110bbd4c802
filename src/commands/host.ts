/** ingest-ctl host: the part of this state in the ledger that hosts share, or of a host that is gone for ever. */

import type { FeedOptions } from '../base/config/options.js';
import type { Invocation } from '../base/config/read.js';
import { statePathOf } from '../base/config/state-path.js';
import { EXIT, OperatorError } from '../base/errors.js';
import { safeText, shownSeconds } from '../base/telemetry/safe.js';
import { openState } from '../ingest/ledger/open-state.js';
import { join, type Unknown } from '../ingest/sharing/join.js';
import { checkManifestsKnown } from '../ingest/upkeep/check-manifests.js';
import type { Rows } from '../shared-ledger/database.js';
import { FORGET_AFTER_MS, forgetHost, hostOfName } from '../shared-ledger/hosts.js';
import { print } from './console.js';
import { withShared } from './shared.js';
import { prepareState } from './state.js';

const NAME = /^[^\s/:]{1,64}$/;

export async function host(invocation: Invocation): Promise<number> {
  const [verb, name, ...more] = invocation.words;
  if ((verb !== 'join' && verb !== 'forget') || name === undefined || more.length > 0)
    throw new OperatorError(
      'missing_word',
      `ingest-ctl host needs join NAME or forget NAME; got ${safeText(invocation.words.join(' ')) || 'nothing'}.`,
    );
  if (!NAME.test(name))
    throw new OperatorError(
      'bad_value',
      `the name of a host must be 1 to 64 characters without space, slash and colon, but got ${JSON.stringify(name)}; write for example lake-1.`,
    );
  return withShared(invocation, `ingest-ctl host ${verb}`, (shared) =>
    verb === 'forget' ? forget(shared, name) : joinAs(invocation, shared, name),
  );
}

async function joinAs(invocation: Invocation, shared: Rows, name: string): Promise<number> {
  const statePath = statePathOf(invocation, process.env);
  const { yes: isSure, 'take-over': takeOver } = invocation.view;
  prepareState(statePath);
  const maxAttempts = invocation.service['max-attempts'];
  const backend = await openState({ statePath, title: invocation.spec.name, maxAttempts });
  let unknown: Unknown;
  try {
    // A state that is older than its files would free what it only has forgotten.
    for (const { options } of backend.feeds()) await checkManifestsKnown(backend, options as unknown as FeedOptions);
    unknown = await join({ backend, statePath, shared, takeOver, isSure }, name);
  } finally {
    await backend.close();
  }
  print(safeText(`${name} has joined ${shared.where}. What it has stored is told when ingest runs.`));
  const { count, some } = unknown;
  if (count === 0) return EXIT.done;
  const lines = some.map(({ feed, sha256, generation }) => `  ${feed} ${sha256.toString('hex')} ${generation}`);
  const contents = count === 1 ? 'a content' : `${count} contents`;
  print(
    isSure
      ? `${contents} that it had stored, and its state does not know, may be ingested again:`
      : `The others count ${contents} as stored here that its state does not know, and a file with such a content is a duplicate. Where the files are gone, run the command again with --yes: such contents may be ingested again then.`,
  );
  print(safeText([...lines, ...(count > some.length ? ['  …'] : [])].join('\n')));
  return isSure ? EXIT.done : EXIT.unfinished;
}

async function forget(shared: Rows, name: string): Promise<number> {
  if (!(await forgetHost(shared, name))) {
    const row = await hostOfName(shared, name);
    throw new OperatorError(
      row ? 'host_lives' : 'host_unknown',
      row
        ? `host ${name} was seen ${shownSeconds(Math.round(row.silentMs / 1_000))} ago, and only a host that was silent for ${FORGET_AFTER_MS / 1_000} s is forgotten: it may still work on the other side of a cut network. Stop it, and wait.`
        : `the shared ledger ${shared.where} knows no host ${name}; queue-stat --fleet lists them.`,
    );
  }
  print(
    safeText(
      `${name} is forgotten: who asks for what it carried gets it. If it comes back: ingest-ctl host join ${name} there.`,
    ),
  );
  return EXIT.done;
}
