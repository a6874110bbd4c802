/**
 * The process that runs a feed's chain: the worker that spawned it names the chain first, then one file after the other.
 * Guarantees: it keeps nothing from one file for the next but the loaded module; it answers each file once.
 * Does not: protect against the module, which is code of this process. The worker sees that it ended, and whose turn it was.
 */
import { blamed, loadModule, versionOf } from './chain/module.js';
import { Unloadable } from './formats/fault.js';
import type { ChainMessage, ChildMessage, FileMessage, ParentMessage } from './messages.js';
import { type Answer, type LoadedChain, processFile } from './process-file.js';

/** Where answers go. */
type Tell = (message: ChildMessage) => void;

let chain: LoadedChain | undefined;
/** A file may come before the module is loaded. */
let loaded: Promise<void> | undefined;
/** The file that is processed. */
let atWork: FileMessage | undefined;

/** Listens to the worker until it closes the channel. */
export function serveWorker(): void {
  const tell: Tell = (message) => void process.send?.(message);
  process.on('message', (message: ParentMessage) => {
    if (message.kind === 'chain') loaded = load(message, tell);
    else void work(message, tell);
  });
  process.on('disconnect', dieNow);
  // What a module did not await. It may be of the file before: then it is only logged.
  process.on('unhandledRejection', (error) => {
    const path = chain?.options.module;
    process.stderr.write(`a promise of the module was rejected, and nobody awaited it: ${blamed(error, path)}\n`);
    if (atWork === undefined) return;
    const { job, name } = atWork;
    const reason = `${name}: a promise that no step returned was rejected: ${blamed(error, path)}`;
    // What is in the middle of a file cannot be stopped: the next file gets another process.
    process.send?.({ kind: 'bad', job, code: 'process_failed', reason }, undefined, {}, dieNow);
  });
}

/** Whatever the module keeps open, and without its exit handlers. */
function dieNow(): void {
  process.kill(process.pid, 'SIGKILL');
}

async function load({ options }: ChainMessage, tell: Tell): Promise<void> {
  try {
    const module = options.module === undefined ? undefined : await loadModule(options.module);
    chain = { options, module };
    tell({ kind: 'ready', version: versionOf(options) });
  } catch (error) {
    if (!(error instanceof Unloadable)) throw error;
    tell({ kind: 'unloadable', reason: error.message });
  }
}

async function work(file: FileMessage, tell: Tell): Promise<void> {
  const { job } = file;
  await loaded;
  // Told already.
  if (chain === undefined) return;
  atWork = file;
  const answer = await processFile(chain, file, (records, bytes) => tell({ kind: 'progress', job, records, bytes }));
  atWork = undefined;
  tell(messageOf(job, answer));
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
