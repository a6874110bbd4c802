/** The figures of this host's queue that other hosts can show, so that one page shows all hosts. */
import type { Backend } from '../../../queue/backend.js';
import { metricsReader } from '../../base/telemetry/metrics.js';
import type { Figures } from '../../fleet/hosts.js';

/** Each call of the reader returns the current figures, with rates since the previous call. */
export function figuresReader(backend: Backend): () => Figures {
  const read = metricsReader(backend);
  return () => {
    const { queue_depth: depth, held, files_per_second: rate, files_processed: processed } = read();
    const open = backend
      .stats()
      .filter(({ ready, deferred, claimed, waiting }) => ready + deferred + claimed + waiting > 0);
    return {
      waiting: Object.values(depth).reduce((sum, files) => sum + files, 0),
      held,
      oldest_seconds: Math.round(Math.max(0, ...open.map(({ oldestAgeMs }) => oldestAgeMs)) / 1_000),
      files_per_second: rate,
      files_processed: processed,
      gates: backend.gates().length,
    };
  };
}
