/** The error that the library throws. Its message is a sentence with the path or option, the rule and the next step. */
import { asOperatorError } from '../../base/errors.js';

export class MirrorError extends Error {
  override readonly name = 'MirrorError';
  constructor(
    /** One of the codes in docs/replicate.md: `source_missing`, `dest_not_ours`, `bad_value`, … */
    readonly code: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Returns the error of the mirror as a MirrorError. Any other error is a bug, and is returned as it is. */
export function asMirrorError(error: unknown): unknown {
  const known = error instanceof MirrorError ? undefined : asOperatorError(error);
  return known === undefined ? error : new MirrorError(known.code, withOptions(known.message), { cause: error });
}

/** The sentences are those of ingest-replicate. They name its flags; a caller of the library has options instead. */
export const withOptions = (message: string): string =>
  message.replace(/--(no-delete|[a-z]+(?:-[a-z]+)*)/g, (flag, name: string) => OPTIONS[name] ?? flag);

const OPTIONS: Record<string, string> = {
  adopt: 'adopt: true',
  'allow-empty-source': 'allowEmptySource: true',
  'change-log': 'changeLog',
  checksum: 'checksum: true',
  exclude: 'exclude',
  'no-delete': 'delete: false',
  poll: 'poll: true',
};
