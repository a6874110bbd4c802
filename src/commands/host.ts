/** ingest-ctl host VERB: the part of this state, or of a host that is gone for ever, in the shared ledger. */
import type { Invocation } from '../base/config/read.js';
import { statePathOf } from '../base/config/state-path.js';
import { EXIT, OperatorError } from '../base/errors.js';
import { safeText } from '../base/telemetry/safe.js';
import type { Rows } from '../fleet/connection.js';
import { openState } from '../ingest/ledger/open-state.js';
import {
  adopt,
  type Entered,
  forget,
  join,
  lost,
  type Member,
  metFeeds,
  rejoin,
  renew,
} from '../ingest/shared-ledger/membership.js';
import { askedFor } from './ask.js';
import { print, printNote } from './console.js';
import { withShared } from './shared.js';
import { prepareState } from './state.js';

const ENTER: Record<string, { act: (member: Member, name: string) => Promise<Entered>; done: string }> = {
  join: { act: join, done: 'has joined' },
  adopt: { act: adopt, done: 'is here now' },
  renew: { act: renew, done: 'is a host of its own now' },
  rejoin: { act: rejoin, done: 'is back' },
};

const WORDS = ['join NAME', 'adopt NAME', 'renew NAME', 'rejoin NAME', 'forget NAME', 'lost'];

export async function host(argv: readonly string[]): Promise<number> {
  const invocation = askedFor('host', argv);
  if (!invocation) return 0;
  const [verb = '', name] = invocation.words;
  const wanted = WORDS.find((words) => words.split(' ')[0] === verb);
  if (!wanted || wanted.split(' ').length !== invocation.words.length)
    throw new OperatorError(
      'missing_word',
      `ingest-ctl host needs one of: ${WORDS.join(', ')}; got ${safeText(invocation.words.join(' ')) || 'nothing'}.`,
    );
  return withShared(invocation, `ingest-ctl host ${verb}`, (shared) =>
    verb === 'forget' ? forgetOne(shared, name!) : withMember(invocation, shared, (member) => act(member, invocation)),
  );
}

async function withMember(
  invocation: Invocation,
  shared: Rows,
  then: (member: Member) => Promise<number>,
): Promise<number> {
  const statePath = statePathOf(invocation, process.env);
  prepareState(statePath);
  const maxAttempts = invocation.service['max-attempts'];
  const backend = await openState({ statePath, title: invocation.spec.name, maxAttempts });
  try {
    return await then({ backend, statePath, shared });
  } finally {
    await backend.close();
  }
}

async function act(member: Member, { words, view }: Invocation): Promise<number> {
  const [verb, name] = words as [string, string];
  if (verb === 'lost') return loseWhatIsGone(member, view.yes);
  if (verb === 'join' && !view.yes && (await refusesFeeds(member))) return EXIT.unfinished;
  const { act: enter, done } = ENTER[verb]!;
  const { sent, elsewhere, carriedElsewhere, unknown } = await enter(member, name);
  print(safeText(`${name} ${done}. Contents sent: ${sent}; stored at other hosts too: ${elsewhere}.`));
  if (carriedElsewhere > 0)
    print(`${carriedElsewhere} contents that were on their way here are other hosts' by now: their files ask again.`);
  if (unknown > 0)
    print(
      `The others count ${unknown} contents as this host's that its state does not know. If their files are gone, ingest-ctl host lost frees them.`,
    );
  return EXIT.done;
}

/** Equal names join what may be different data. */
async function refusesFeeds(member: Member): Promise<boolean> {
  const met = await metFeeds(member);
  for (const { feed, contents } of met)
    printNote(
      safeText(
        `ingest-ctl host join: other hosts have ${contents} contents in a feed ${feed}, and this host has a feed of that name: what one of them has stored is a duplicate at the other. If that is meant, add --yes; if not, give the feed another name here.`,
      ),
    );
  return met.length > 0;
}

async function loseWhatIsGone(member: Member, isSure: boolean): Promise<number> {
  const contents = await lost(member, isSure);
  if (isSure) print(`${contents} contents are free: any host may take them in again.`);
  else
    print(
      `The others count ${contents} contents as this host's that its state does not know. Run ingest-ctl rebuild first: what lies in the warehouse is known then. Add --yes to free the rest: any host may take them in again.`,
    );
  return EXIT.done;
}

async function forgetOne(shared: Rows, name: string): Promise<number> {
  const freed = await forget(shared, name);
  print(
    safeText(
      `${name} is forgotten. ${freed} contents that it carried are free again; if it had stored one of them before it could record it there, that one may be stored twice. If it comes back: ingest-ctl host rejoin ${name}.`,
    ),
  );
  return EXIT.done;
}
