/**
 * Server-sent events: one message, made once, goes to every open page.
 * Guarantees: a page that does not read is skipped, and dropped when it goes on so; nobody waits for it, and nothing is kept
 * for it but one message. Source: the HTML standard, "Server-sent events".
 */
import type { ServerResponse } from 'node:http';
import { limits } from './data/limits.js';

interface Page {
  response: ServerResponse;
  skipped: number;
}

export class Stream {
  static readonly type = 'text/event-stream; charset=utf-8';
  readonly #pages = new Set<Page>();

  get size(): number {
    return this.#pages.size;
  }

  /** False when there are too many. `first`: the message that it gets at once. */
  add(response: ServerResponse, first: string): boolean {
    if (this.#pages.size >= limits.streamsMax) return false;
    const page: Page = { response, skipped: 0 };
    this.#pages.add(page);
    response.once('close', () => this.#pages.delete(page));
    response.writeHead(200, { ...response.getHeaders(), 'content-type': Stream.type });
    response.write(`retry: ${limits.streamRetryMs}\n\n${messageOf(first)}`);
    return true;
  }

  /** `json` has no line breaks. */
  send(json: string): void {
    const message = messageOf(json);
    for (const page of this.#pages) {
      if (page.response.writableLength === 0) {
        page.skipped = 0;
        page.response.write(message);
      } else if (++page.skipped > limits.skippedSnapshotsMax) page.response.destroy();
    }
  }

  close(): void {
    for (const { response } of this.#pages) response.destroy();
  }
}

const messageOf = (json: string): string => `data: ${json}\n\n`;
