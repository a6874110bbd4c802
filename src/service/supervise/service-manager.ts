/**
 * Notifies the service manager that started this process, if it asks for it (`Type=notify`, `WatchdogSec=`): all children are at
 * work, this process lives, it ends.
 * Guarantees: never waits for the manager. A manager that cannot be reached is logged once, and files go on.
 * Source: sd_notify(3), sd_watchdog_enabled(3).
 */

import type { Emit } from '../../base/telemetry/emit.js';
import { sendDatagram } from '../../linux/index.js';

const READY = 'READY=1\nSTATUS=All processes are at work.\n';
const ENDING = 'STOPPING=1\nSTATUS=Finishing work in progress.\n';
const ALIVE = 'WATCHDOG=1\n';
const AGAIN_MS = 1_000;

export class ServiceManager {
  readonly #address: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #again: NodeJS.Timeout | undefined;
  #isEnding = false;
  #refused = false;

  /** Removes its variables from `env`, because they are not for the children. */
  constructor(
    env: NodeJS.ProcessEnv,
    private readonly emit: Emit,
  ) {
    this.#address = env.NOTIFY_SOCKET || undefined;
    const everyMs = watchdogMs(env);
    for (const name of ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID']) delete env[name];
    if (this.#address === undefined || everyMs === undefined) return;
    // Twice per period, as sd_watchdog_enabled(3) says. It begins at once, because a first start may take longer than a period.
    this.#timer = setInterval(() => this.#notify(ALIVE), everyMs / 2).unref();
  }

  /** Repeats READY=1 until it is sent: without it systemd fails the start. */
  ready(): void {
    if (this.#address === undefined || this.#isEnding || this.#notify(READY)) return;
    this.#again = setTimeout(() => this.ready(), AGAIN_MS).unref();
  }

  ending(): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.#notify(ENDING);
  }

  close(): void {
    clearInterval(this.#timer);
    clearTimeout(this.#again);
  }

  #notify(what: string): boolean {
    if (this.#address === undefined) return false;
    try {
      sendDatagram(this.#address, what);
      this.#refused = false;
    } catch (error) {
      if (!this.#refused) this.emit('service_manager_silent', { reason: (error as Error).message });
      this.#refused = true;
    }
    return !this.#refused;
  }
}

/** Undefined if the manager asks for no watchdog signal. */
function watchdogMs({ WATCHDOG_USEC: usec, WATCHDOG_PID: pid }: NodeJS.ProcessEnv): number | undefined {
  if (usec === undefined || !/^[1-9]\d*$/.test(usec)) return undefined;
  return pid === undefined || Number(pid) === process.pid ? Number(usec) / 1_000 : undefined;
}
