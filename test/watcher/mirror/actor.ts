/**
 * A process that changes the tree at random on request. It talks to the driver over IPC.
 */
import { Actor, type ActorOptions } from './acts.js';

export type ToActor = { kind: 'be'; options: ActorOptions } | { kind: 'act'; operations: number; noise: number };
export type FromActor = { kind: 'ready' } | { kind: 'acted'; operations: number };

let actor: Actor;

process.on('message', (message: ToActor) => {
  if (message.kind === 'be') {
    actor = new Actor(message.options);
    send({ kind: 'ready' });
    return;
  }
  actor.nextRound();
  if (message.noise > 0) actor.noise(message.noise);
  let done = 0;
  while (done < message.operations) if (actor.act()) done += 1;
  send({ kind: 'acted', operations: done });
});
process.on('disconnect', () => process.exit());

const send = (message: FromActor): void => void process.send!(message);
