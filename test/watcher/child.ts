/**
 * A watcher in its own process, so that it can be stopped, starved and measured. It talks to the test over IPC.
 */
import { nameOfText } from '../../src/linux/names.js';
import { linuxBackend } from '../../src/watcher/backend/linux-backend.js';
import { Engine, type EngineEvent, type EngineOptions } from '../../src/watcher/engine/index.js';

export type ToChild =
  | { kind: 'start'; options: Partial<Omit<EngineOptions, 'root'>> & { root: string }; holdAfterOverflow?: boolean }
  | { kind: 'go' };
export type FromChild =
  | { kind: 'up' }
  | { kind: 'told'; event: EngineEvent }
  /** A delivery of the scan after an overflow waits for `go`. */
  | { kind: 'holding' }
  /** How many different paths were delivered so far. */
  | { kind: 'seen'; paths: number };

const seen = new Set<string>();
let hold = false;
let overflows = 0;
let go: (() => void) | undefined;

const send = (message: FromChild): void => void process.send!(message);

function start({ options, holdAfterOverflow = false }: ToChild & { kind: 'start' }): void {
  hold = holdAfterOverflow;
  void new Engine(
    {
      recursive: true,
      poll: false,
      target: (path) => path,
      enters: () => true,
      deliver: async (marks) => {
        if (hold && overflows > 0 && marks.some(({ by }) => by === 'scan')) {
          hold = false;
          send({ kind: 'holding' });
          await new Promise<void>((resolve) => {
            go = resolve;
          });
        }
        for (const { path } of marks) seen.add(path);
        send({ kind: 'seen', paths: seen.size });
      },
      emit: (event) => {
        if (event.event === 'overflow') overflows += 1;
        send({ kind: 'told', event });
      },
      ...options,
      root: nameOfText(options.root),
      everything: false,
    },
    linuxBackend,
  ).start();
}

process.on('message', (message: ToChild) => {
  if (message.kind === 'start') start(message);
  else go?.();
});
process.on('disconnect', () => process.exit());
send({ kind: 'up' });
