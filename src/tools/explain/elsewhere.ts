/**
 * Asks the ledger that hosts share for contents, for explain and --dry-run.
 * Guarantees: only reads. Where the ledger is away, that is said; it is not asked again, and the command goes on.
 */
import { safeText } from '../../base/telemetry/safe.js';
import { type Rows, withDatabase } from '../../shared-ledger/database.js';
import { SharedError } from '../../shared-ledger/errors.js';
import { contentOf, type Key, type Newest, readNewest } from '../../shared-ledger/statements.js';
import { shown } from './words.js';

export type OneContent = Pick<Key, 'feed' | 'sha256'>;

export class Elsewhere {
  /** Why it could not be asked. */
  away: string | undefined;

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
    if (this.away !== undefined) return `It is not known whether other hosts have it: ${this.away}.`;
    return `The shared ledger ${found ? `says that ${hasIt(found)}` : 'does not know its content'}.`;
  }
}

/** Without an address it gets none. */
export const withElsewhere = <T>(url: string | undefined, act: (elsewhere?: Elsewhere) => Promise<T>): Promise<T> =>
  url === undefined ? act() : withDatabase(url, (shared) => act(new Elsewhere(shared)));

const HOW = { stored: 'has stored it', withdrawn: 'has withdrawn it', carried: 'has it under way' } as const;

/** `host a has stored it as PATH`. */
export const hasIt = ({ hostName, isFree, state, target, generation }: Newest): string =>
  `host ${safeText(hostName)}${isFree ? ' (forgotten)' : ''} ${HOW[state]}${generation > 1 ? ` (generation ${generation})` : ''}${target ? ` as ${shown(target)}` : ''}`;
