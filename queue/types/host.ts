/** What a backend needs of the system; src/linux supplies it, a test may too. */
export interface Host {
  /** CLOCK_BOOTTIME, ms. */
  bootMs(): number;
  bootId(): string;
  /** Identifies the time namespace: processes with different ones cannot share a state. */
  timeNamespace(): string;
  /** Opens (creating with 0600) a file for byte locks and slots. */
  openLockFile(path: string): LockFile;
  /** Calls `listener` when the file is written to by anybody. Answers how to end it. */
  watchModified(path: string, listener: () => void): () => void;
}

/** Open-file-description locks on single bytes, and positioned reads and writes. */
export interface LockFile {
  /** False when somebody else holds it. Held until the process ends or the file is closed. */
  tryLockExclusive(byte: number): boolean;
  /** False when somebody else holds it exclusively. Turns an own exclusive lock into a shared one. */
  tryLockShared(byte: number): boolean;
  unlock(byte: number): void;
  /** Asks without taking. */
  isLocked(byte: number): boolean;
  /** The first byte of these that somebody else has locked. */
  firstLocked(from: number, bytes: number): number | undefined;
  write(at: number, bytes: Buffer): void;
  read(at: number, length: number): Buffer;
  close(): void;
}
