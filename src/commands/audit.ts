/** ingest-ctl audit: whether warehouse, manifests and ledger agree; each difference in one line, with what to do. */

import { checkPages, type QueueView } from '../../queue/index.js';
import type { Invocation } from '../base/config/read.js';
import { EXIT } from '../base/errors.js';
import { safeText, shownBytes } from '../base/telemetry/safe.js';
import { StatusLine } from '../base/telemetry/terminal.js';
import { type AuditProgress, type AuditTotals, audit as compare, textOf } from '../tools/audit/audit.js';
import { print, printJson } from './console.js';
import { bar } from './progress.js';
import { withView } from './state-view.js';

export async function audit(invocation: Invocation): Promise<number> {
  const { json, hash, feed } = invocation.view;
  const status = process.stderr.isTTY ? new StatusLine() : undefined;
  const show: AuditProgress = (what, done, of, bytes) => status?.show(progressLine(what, done, of, bytes));
  const judge = async (view: QueueView, statePath: string) => {
    try {
      checkPages(statePath);
      const totals = await compare(
        view,
        { hash, feed },
        (difference) => {
          status?.clear();
          if (json) printJson(difference);
          else print(safeText(textOf(difference)));
        },
        show,
      );
      status?.clear();
      const found = Object.values(totals.differences).reduce((sum, n) => sum + n, 0);
      if (json) printJson({ totals: { ...totals, found } });
      else print(summary(totals, found, hash));
      return found > 0 ? EXIT.unfinished : EXIT.done;
    } finally {
      status?.clear();
    }
  };
  return withView(invocation, judge);
}

const number = (n: number): string => n.toLocaleString('en');

function progressLine(what: string, done: number, of: number, bytes: number): string {
  const read = bytes > 0 ? `, ${shownBytes(bytes)}` : '';
  return of === 0
    ? `${what}: ${number(done)}`
    : `${bar(Math.min(done, of), of)} ${what}: ${number(done)} of ${number(of)}${read}`;
}

function summary({ rows, lines, files, read, bytes }: AuditTotals, found: number, hash: boolean): string {
  const seen = `${number(rows)} contents, ${number(lines)} lines and ${number(files)} files`;
  const how = hash
    ? `${number(read)} files (${shownBytes(bytes)}) were read`
    : 'by names and sizes; --hash reads every byte';
  const what = found === 0 ? 'no difference' : found === 1 ? '1 difference' : `${number(found)} differences`;
  return `${what} in ${seen} (${how})`;
}
