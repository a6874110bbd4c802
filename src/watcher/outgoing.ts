/** What the reconciler found out, as events of one root: numbered, and noted in the picture when they are taken. */
import { type ByteName, bytesOfName } from '../linux/names.js';
import { absolutePath } from './engine/paths.js';
import type { Outbox } from './outbox.js';
import type { Picture } from './picture.js';
import type { Telling } from './telling.js';

export class Outgoing {
  /** Events so far. */
  told = 0;
  /** Ids of another start are others. No secret: `node:crypto` would be a megabyte for eight characters. */
  readonly #session = Math.floor(Math.random() * 2 ** 40).toString(36);
  #renames = 0;

  constructor(
    private readonly root: ByteName,
    private readonly picture: Picture,
    private readonly outbox: Outbox,
  ) {}

  renameId(): string {
    this.#renames += 1;
    return `${this.#session}-${this.#renames}`;
  }

  /** Answers the number of the event. */
  tell({ operation, path, entry, cause, renameId }: Telling): number {
    const { picture } = this;
    const pathBytes = bytesOfName(absolutePath(this.root, path));
    this.told += 1;
    const number = this.told;
    this.outbox.offer({
      key: `${this.root}/${path}`,
      event: {
        path: pathBytes.toString('utf8'),
        pathBytes,
        operation,
        timestamp: new Date(),
        kind: entry.kind,
        cause,
        ...(renameId !== undefined && { renameId }),
      },
      taken: () => picture.taken(path, number),
    });
    return number;
  }
}
