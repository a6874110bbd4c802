/** The thread of a worker that carries out calls on files (src/ingest/calls/thread.ts starts it). */
import { workerData } from 'node:worker_threads';
import { serve } from '../ingest/calls/serve.js';

serve(workerData);
