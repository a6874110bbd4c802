/**
 * What the service manager is told, where one started this process and asks (`Type=notify`, `WatchdogSec=`): that all
 * children are at work, that this process lives, that it ends.
 * Guarantees: never waits for the manager; one that cannot be reached is told once, and files go on.
 * Source: sd_notify(3), sd_watchdog_enabled(3).
 */

import type { Emit } from '../../base/telemetry/emit.js';
import { sendDatagram } from '../../linux/index.js';

const READY = 'READY=1\nSTATUS=All processes are at work.\n';
const ENDING = 'STOPPING=1\nSTATUS=Finishing what is in hand.\n';
const ALIVE = 'WATCHDOG=1\n';
const AGAIN_MS = 1_000;

export class ServiceManager {
  readonly #address: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #again: NodeJS.Timeout | undefined;
  #isEnding = false;
  #refused = false;

  /** Takes its variables out of `env`: they are not for the children. */
  constructor(
    env: NodeJS.ProcessEnv,
    private readonly emit: Emit,
  ) {
    this.#address = env.NOTIFY_SOCKET || undefined;
    const everyMs = watchdogMs(env);
    for (const name of ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID']) delete env[name];
    if (this.#address === undefined || everyMs === undefined) return;
    // Twice in each period, as sd_watchdog_enabled(3) asks; from the start, because a first start may take longer.
    this.#timer = setInterval(() => this.#tell(ALIVE), everyMs / 2).unref();
  }

  /** Told until it has been heard: a start that was never told of fails. */
  ready(): void {
    if (this.#address === undefined || this.#isEnding || this.#tell(READY)) return;
    this.#again = setTimeout(() => this.ready(), AGAIN_MS).unref();
  }

  ending(): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.#tell(ENDING);
  }

  close(): void {
    clearInterval(this.#timer);
    clearTimeout(this.#again);
  }

  #tell(what: string): boolean {
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

/** Undefined: no sign of life is asked of this process. */
function watchdogMs({ WATCHDOG_USEC: usec, WATCHDOG_PID: pid }: NodeJS.ProcessEnv): number | undefined {
  if (usec === undefined || !/^[1-9]\d*$/.test(usec)) return undefined;
  return pid === undefined || Number(pid) === process.pid ? Number(usec) / 1_000 : undefined;
}
