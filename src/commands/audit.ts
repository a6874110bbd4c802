/** ingest-ctl audit: whether warehouse, manifests and ledger agree; each difference in one line, with what to do. */
import { checkPages, type QueueView } from '../../queue/index.js';
import { EXIT } from '../base/errors.js';
import { Progress } from '../base/telemetry/progress.js';
import { safeText, shownBytes } from '../base/telemetry/safe.js';
import { readHere } from '../files/open-files.js';
import { type AuditTotals, audit as compare, textOf } from '../tools/audit/audit.js';
import { askedFor } from './ask.js';
import { print, printJson, printNote } from './console.js';
import { stateFor } from './state.js';
import { withView } from './state-view.js';

export async function audit(argv: readonly string[]): Promise<number> {
  const invocation = askedFor('audit', argv);
  if (!invocation) return 0;
  const { json, hash, feed } = invocation.view;
  const statePath = await stateFor(invocation);
  const judge = async (view: QueueView) => {
    const warehouses = view.feeds().map(({ options }) => String(options.warehouse));
    const progress = json ? undefined : new Progress('ingest-ctl audit', () => readHere(warehouses));
    try {
      checkPages(statePath);
      const totals = await compare(
        view,
        { statePath, hash, feed },
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
      if (!json && totals.resumed > 0)
        printNote(`ingest-ctl audit: ${number(totals.resumed)} files were read by an earlier one that was interrupted`);
      return found > 0 ? EXIT.unfinished : EXIT.done;
    } finally {
      progress?.end();
    }
  };
  return withView(invocation, judge);
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
