/**
 * The child process that runs a feed's chain. The worker sends it the chain first, then one file after the other.
 * Guarantees: only the loaded module is kept between files; each file gets one answer.
 * Does not: protect against the module, which runs in this process. The worker notices its end, and knows the current file.
 */
import { blamed, loadModule, versionOf } from './chain/module.js';
import { Unloadable } from './formats/fault.js';
import type { ChainMessage, ChildMessage, FileMessage, ParentMessage } from './messages.js';
import { type Answer, type LoadedChain, processFile } from './process-file.js';

/** Sends an answer to the worker. */
type Send = (message: ChildMessage) => void;

let chain: LoadedChain | undefined;
/** Resolves when the module is loaded; a file may come earlier. */
let loaded: Promise<void> | undefined;
/** The file in progress. */
let atWork: FileMessage | undefined;

/** Listens to the worker until it closes the channel. */
export function serveWorker(): void {
  const send: Send = (message) => void process.send?.(message);
  process.on('message', (message: ParentMessage) => {
    if (message.kind === 'chain') loaded = load(message, send);
    else void work(message, send);
  });
  process.on('disconnect', dieNow);
  // A rejection that the module did not await. If it belongs to an earlier file it is only logged.
  process.on('unhandledRejection', (error) => {
    const path = chain?.options.module;
    process.stderr.write(`a promise of the module was rejected, and nobody awaited it: ${blamed(error, path)}\n`);
    if (atWork === undefined) return;
    const { job, name } = atWork;
    const reason = `${name}: a promise that no step returned was rejected: ${blamed(error, path)}`;
    // A file in progress cannot be stopped, so the next file gets another process.
    process.send?.({ kind: 'bad', job, code: 'process_failed', reason }, undefined, {}, dieNow);
  });
}

/** Ends the process whatever the module keeps open, without the module's exit handlers. */
function dieNow(): void {
  process.kill(process.pid, 'SIGKILL');
}

async function load({ options }: ChainMessage, send: Send): Promise<void> {
  try {
    const module = options.module === undefined ? undefined : await loadModule(options.module);
    chain = { options, module };
    send({ kind: 'ready', version: versionOf(options) });
  } catch (error) {
    if (!(error instanceof Unloadable)) throw error;
    send({ kind: 'unloadable', reason: error.message });
  }
}

async function work(file: FileMessage, send: Send): Promise<void> {
  const { job } = file;
  await loaded;
  // Already reported.
  if (chain === undefined) return;
  atWork = file;
  const answer = await processFile(chain, file, (records, bytes) => send({ kind: 'progress', job, records, bytes }));
  atWork = undefined;
  send(messageOf(job, answer));
}

function messageOf(job: string, answer: Answer): ChildMessage {
  switch (answer.kind) {
    case 'held':
      return { kind: 'bad', job, ...answer.error.fault };
    case 'failed': {
      const { code, message } = answer.error;
      return { kind: 'failed', job, ...(code === undefined ? {} : { errno: code }), reason: message };
    }
    case 'unloadable':
      return answer;
    default:
      return { ...answer, job };
  }
}
