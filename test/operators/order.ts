/** The messages from a lane to its operator process. */
export interface Order {
  command: 'ingest' | 'ingest-ctl' | 'queue-stat';
  args: string[];
}

/** Ends the output of an order on either descriptor; on stdout the exit code follows. */
export const END = '#end of the order#';
