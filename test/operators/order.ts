/** What a lane says to its hand. */
export interface Order {
  command: 'ingest' | 'ingest-ctl' | 'queue-stat';
  args: string[];
}

/** Ends what an order says on either descriptor; on stdout the exit code follows. */
export const END = '#end of the order#';
