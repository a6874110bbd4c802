/**
 * What the ledger that hosts share has of contents, for explain and --dry-run.
 * Guarantees: only reads. Where the ledger is away, that is said; it is not asked again, and the command goes on.
 */
import { safeText } from '../../base/telemetry/safe.js';
import type { Rows } from '../../shared-ledger/database.js';
import { SharedError } from '../../shared-ledger/errors.js';
import { contentOf, type Key, type Newest, readNewest } from '../../shared-ledger/statements.js';
import { shown } from './words.js';

export type OneContent = Pick<Key, 'feed' | 'sha256'>;

export class Elsewhere {
  /** Why it could not be asked. */
  away: string | undefined;
  /** It knows one of the contents that were asked for. */
  knows = false;

  constructor(private readonly shared: Rows) {}

  async newest(content: OneContent): Promise<Newest | undefined> {
    if (this.away !== undefined) return undefined;
    try {
      return (await readNewest(this.shared, [content])).get(contentOf(content));
    } catch (error) {
      if (!(error instanceof SharedError)) throw error;
      this.away = error.message;
      return undefined;
    }
  }

  async sentence(content: OneContent): Promise<string> {
    const found = await this.newest(content);
    this.knows ||= found !== undefined;
    if (this.away !== undefined) return `What other hosts have of it is not known: ${this.away}.`;
    return `The shared ledger ${this.shared.where} ${found ? `says that ${hasIt(found)}` : 'does not know its content'}.`;
  }
}

/** `host a has stored it as PATH`. */
export function hasIt({ hostName, isFree, state, target, generation }: Newest): string {
  const host = `host ${safeText(hostName)}`;
  const which = generation > 1 ? ` (generation ${generation})` : '';
  switch (state) {
    case 'stored':
      return `${host} has stored it${which}${target ? ` as ${shown(target)}` : ''}`;
    case 'withdrawn':
      return `${host} has withdrawn it${which}`;
    case 'carried':
      return `${host} has it under way${which}${isFree ? ', and is forgotten: who asks for it gets it' : ''}`;
  }
}
