/**
 * The logger that a program gives to the library.
 * Guarantees: a logger that fails ends neither the process nor the work it was to log. Node's warning says so once.
 */

/** The same logger with these functions alone, none of which throws or leaves an unhandled rejection. */
export function guarded<L extends object>(logger: L, names: readonly (keyof L & string)[]): L {
  let warned = false;
  const failed = (error: unknown): void => {
    if (!warned)
      process.emitWarning(
        `A logger given to the library fails, and what it was to log is lost (${error}): correct it.`,
      );
    warned = true;
  };
  const call = (name: keyof L, given: unknown[]): void => {
    try {
      const answer = (logger[name] as (...given: unknown[]) => unknown)(...given);
      if (answer instanceof Promise) answer.catch(failed);
    } catch (error) {
      failed(error);
    }
  };
  return Object.fromEntries(names.map((name) => [name, (...given: unknown[]) => call(name, given)])) as L;
}
