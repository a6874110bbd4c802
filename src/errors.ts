/**
 * The catalogue of everything that can be told to an operator: code, exit code, whether a retry may help, what to do.
 * A bug is any other Error: it shows its stack and ends with exit code 1.
 */
export const EXIT = { done: 0, bug: 1, usage: 2, environment: 3, unfinished: 4 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** An error that a person can act on: one sentence with option or path, rule, value and next step. No stack is shown. */
export class OperatorError extends Error {
  override readonly name: string = 'OperatorError';
  constructor(
    /** A key of the catalogue, lower_snake_case. */
    readonly code: string,
    /** The whole sentence, with what to do next. */
    message: string,
    readonly exitCode: ExitCode = EXIT.usage,
  ) {
    super(message);
  }
}

/** The environment cannot be used (exit code 3): a supervisor does not restart the process for it. */
export class EnvironmentError extends OperatorError {
  override readonly name = 'EnvironmentError';
  constructor(code: string, message: string) {
    super(code, message, EXIT.environment);
  }
}
