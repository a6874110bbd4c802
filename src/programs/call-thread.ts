/** The thread of a worker that carries out calls on files (src/ingest/threads/thread.ts starts it). */
import { workerData } from 'node:worker_threads';
import { serve } from '../ingest/threads/serve.js';

serve(workerData);
