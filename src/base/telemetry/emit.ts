/**
 * The one seam for everything that happens: `emit(event, fields)`. Logs and metrics subscribe to it.
 * Guarantees: a subscriber that throws disturbs neither the caller nor the other subscribers.
 * Does not: format or write; log.ts and terminal.ts do.
 */
import { LineWriter, stderr } from './line-writer.js';

export type Fields = Record<string, unknown>;
/** `event` is lower_snake_case; events.ts lists those with a level or a sentence of their own. */
export type Emit = (event: string, fields?: Fields) => void;
export type Subscriber = (event: string, fields: Fields) => void;

const subscribers = new Set<Subscriber>();
let complaints: LineWriter | undefined;

export const emit: Emit = (event, fields = {}) => {
  for (const subscriber of subscribers) {
    try {
      subscriber(event, fields);
    } catch (error) {
      // A log line is never a reason to fail; but a broken subscriber is a bug that must be seen.
      complain(event, (error as Error).stack);
    }
  }
};

/** By the subscribers again, which may fail at what one event has; else as text. */
function complain(event: string, error: string | undefined): void {
  if (event !== 'bug') {
    emit('bug', { failed_at: event, error });
    return;
  }
  complaints ??= new LineWriter();
  complaints.write(`a subscriber failed at the event ${event}: ${error}\n`);
}

stderr.onLost = (lines) => emit('log_lines_lost', { lines });

/** Returns a function that ends the subscription. */
export function subscribe(subscriber: Subscriber): () => void {
  subscribers.add(subscriber);
  return () => subscribers.delete(subscriber);
}
