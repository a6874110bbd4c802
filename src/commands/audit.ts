/** ingest-ctl audit: whether warehouse, manifests and ledger agree; each difference in one line, with what to do. */
import { checkPages, type QueueView } from '../../queue/index.js';
import type { Invocation } from '../base/config/read.js';
import { EXIT } from '../base/errors.js';
import { Progress } from '../base/telemetry/progress.js';
import { safeText, shownBytes } from '../base/telemetry/safe.js';
import { readHere } from '../files/open-files.js';
import type { Rows } from '../shared-ledger/database.js';
import { type AuditTotals, audit as compare, textOf } from '../tools/audit/audit.js';
import { print, printJson } from './console.js';
import { withShared } from './shared.js';
import { withView } from './state-view.js';

export async function audit(invocation: Invocation): Promise<number> {
  const { json, hash, feed, fleet } = invocation.view;
  const judge = async (view: QueueView, statePath: string, shared?: Rows) => {
    const warehouses = view.feeds().map(({ options }) => String(options.warehouse));
    const progress = json ? undefined : new Progress('ingest-ctl audit', () => readHere(warehouses));
    try {
      checkPages(statePath);
      const totals = await compare(
        view,
        { hash, feed, shared },
        (difference) => {
          progress?.clear();
          if (json) printJson(difference);
          else print(safeText(textOf(difference)));
        },
        (work) => progress?.show(work),
      );
      progress?.end();
      const found = Object.values(totals.differences).reduce((sum, n) => sum + n, 0);
      if (json) printJson({ totals: { ...totals, found } });
      else print(summary(totals, found, hash));
      return found > 0 ? EXIT.unfinished : EXIT.done;
    } finally {
      progress?.end();
    }
  };
  return withView(invocation, (view, statePath) =>
    fleet
      ? withShared(invocation, 'ingest-ctl audit --fleet', (shared) => judge(view, statePath, shared))
      : judge(view, statePath),
  );
}

const number = (n: number): string => n.toLocaleString('en');

function summary({ rows, lines, files, read, bytes }: AuditTotals, found: number, hash: boolean): string {
  const seen = `${number(rows)} contents, ${number(lines)} lines and ${number(files)} files`;
  const how = hash
    ? `${number(read)} files (${shownBytes(bytes)}) were read`
    : 'by names and sizes; --hash reads every byte';
  const what = found === 0 ? 'no difference' : found === 1 ? '1 difference' : `${number(found)} differences`;
  return `${what} in ${seen} (${how})`;
}
