/**
 * The system calls that a backend needs. src/linux supplies them; a test may too.
 */
export interface Host {
  /** CLOCK_BOOTTIME, ms. */
  bootMs(): number;
  /** Identifies boot and time namespace. Processes in different ones cannot share a state. */
  clockEpoch(): string;
  /** Opens a file for byte locks and slots, and creates it with 0600; with `forReading` it exists, and only its locks and slots are read. */
  openLockFile(path: string, how?: { forReading?: boolean }): LockFile;
  /** Calls `listener` when anybody writes to the file. Returns the function that ends it. */
  watchModified(path: string, listener: () => void): () => void;
}

/** Open-file-description locks on single bytes, and reads and writes at given offsets. */
export interface LockFile {
  /** False if another process has the lock. The lock is kept until the process ends or the file is closed. */
  tryLockExclusive(byte: number): boolean;
  /** False if another process has it exclusively. Changes an own exclusive lock into a shared one. */
  tryLockShared(byte: number): boolean;
  unlock(byte: number): void;
  /** Checks without locking. */
  isLocked(byte: number): boolean;
  /** The first byte of this range that another process has locked. */
  firstLocked(from: number, bytes: number): number | undefined;
  write(at: number, bytes: Buffer): void;
  read(at: number, length: number): Buffer;
  close(): void;
}
