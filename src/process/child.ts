/**
 * The child process that runs a feed's chain. The worker sends it the chain first, then one file after the other.
 * Guarantees: only the loaded module is kept between files; each file gets one answer. What the module does outside of any file is
 * reported as the module's fault.
 * Does not: protect against the module, which runs in this process. The worker notices its end, and knows the current file.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { codeOfErrno } from '../linux/error.js';
import { blamed, loadModule, versionOf } from './chain/module.js';
import { Unloadable } from './formats/fault.js';
import type { ChainMessage, ChildMessage, FileMessage, ParentMessage } from './messages.js';
import { type Answer, type LoadedChain, processFile } from './process-file.js';

/** Sends a message to the worker. It is written before the call returns, so that it arrives also if the module exits next. */
type Send = (message: ChildMessage) => void;

let modulePath: string | undefined;
let chain: LoadedChain | undefined;
/** The file in progress. */
let atWork: FileMessage | undefined;
/** The file in whose steps something was begun, also if it happens later. Undefined for what the module began when it was loaded. */
const begunIn = new AsyncLocalStorage<FileMessage>();

/** The channel to the worker. It is not left to the module, whose messages the worker would take for ours. */
let post: NonNullable<typeof process.send>;

/** Listens to the worker until it closes the channel. */
export function serveWorker(): void {
  post = process.send!.bind(process);
  delete process.send;
  const send: Send = (message) => void post(message);
  process.on('message', (message: ParentMessage) => {
    if (message.kind === 'chain') void load(message, send);
    else void begunIn.run(message, () => work(message, send));
  });
  process.on('disconnect', dieNow);
  process.on('unhandledRejection', (error) => late('a promise that no step returned was rejected', error));
  process.on('uncaughtException', (error) => late('what no step awaited has failed', error));
  process.on('exit', (code) => {
    if (begunIn.getStore() === undefined) send(ofModule(`it ended its process with code ${code}`));
  });
}

/**
 * An error that no step threw. A file in progress cannot be stopped, so this process ends. The cause may be an earlier file: then
 * the worker gives the current one a process of its own.
 */
function late(what: string, error: unknown): void {
  const how = `${what}: ${blamed(error, modulePath)}`;
  process.stderr.write(`${how}\n`);
  post(lateMessage(how), undefined, {}, dieNow);
}

function lateMessage(how: string): ChildMessage {
  if (atWork === undefined || begunIn.getStore() === undefined) return ofModule(how);
  const { job, name } = atWork;
  return { kind: 'bad', job, code: 'process_failed', reason: `${name}: ${how}` };
}

const ofModule = (how: string): ChildMessage => ({
  kind: 'unloadable',
  reason: `outside of any file, the module ${modulePath} has failed: ${how}`,
});

/** Ends the process whatever the module keeps open, without the module's exit handlers. */
function dieNow(): void {
  process.kill(process.pid, 'SIGKILL');
}

async function load({ options }: ChainMessage, send: Send): Promise<void> {
  modulePath = options.module;
  try {
    const before = versionOf(options);
    const module = options.module === undefined ? undefined : await loadModule(options.module);
    const version = versionOf(options);
    // The manifest names the version that made a file's outputs.
    if (version !== before) throw new Unloadable(`the module ${options.module} was changed while it was loaded`);
    chain = { options, module };
    send({ kind: 'ready', version });
  } catch (error) {
    if (!(error instanceof Unloadable)) throw error;
    send({ kind: 'unloadable', reason: error.message });
  }
}

async function work(file: FileMessage, send: Send): Promise<void> {
  const { job } = file;
  atWork = file;
  const answer = await processFile(chain!, file, {
    begun: () => send({ kind: 'begun', job }),
    progress: (records, bytes) => send({ kind: 'progress', job, records, bytes }),
  });
  atWork = undefined;
  send(messageOf(job, answer));
}

function messageOf(job: string, answer: Answer): ChildMessage {
  switch (answer.kind) {
    case 'held':
      return { kind: 'bad', job, ...answer.error.fault };
    case 'failed': {
      const { code, errno, message } = answer.error;
      // Node has no name for some errnos (EDQUOT): its code is then a sentence.
      const named = errno === undefined ? code : codeOfErrno(-errno);
      return { kind: 'failed', job, errno: named, ofOutput: answer.ofOutput, reason: message };
    }
    case 'unloadable':
      return { kind: 'refused', job, reason: answer.reason };
    default:
      return { ...answer, job };
  }
}
