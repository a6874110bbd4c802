/** Starts and ends the reader of tailer.ts. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { TailReport } from './tailer.js';

export interface ManifestTail {
  /** Ends the reader; returns what it saw. Safe to call twice. */
  stop(): Promise<TailReport>;
  kill(): void;
}

/** Resolves when the reader has read for the first time. */
export async function tailManifests(manifests: string): Promise<ManifestTail> {
  const reader = spawn(process.execPath, [fileURLToPath(new URL('./tailer.js', import.meta.url)), manifests], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: reader.stdout })[Symbol.asyncIterator]();
  const ready = await lines.next();
  if (ready.done) throw new Error(`the reader of ${manifests} ended at once`);
  let report: Promise<TailReport> | undefined;
  const finish = async () => {
    reader.stdin.end();
    const last = await lines.next();
    if (reader.exitCode === null) await once(reader, 'exit');
    if (last.done) throw new Error(`the reader of ${manifests} died with ${reader.exitCode ?? reader.signalCode}`);
    return JSON.parse(last.value) as TailReport;
  };
  return {
    stop() {
      report ??= finish();
      return report;
    },
    kill: () => void reader.kill('SIGKILL'),
  };
}
