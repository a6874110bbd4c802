/** Receivers that cannot be notified of alarms. This is a notice, never an alarm: an alarm could not be sent either. */
import type { OwnerId, QueueView } from '../../../queue/index.js';
import { type Finding, finding, iso } from '../../ingest/health/finding.js';

interface ChannelRow {
  name: string;
  waiting: number;
  missed: number;
  sinceMs: number;
  error: string;
}

const FAILING = `SELECT name, missed, failing_since_ms AS sinceMs, error,
    (SELECT count(*) FROM alarms WHERE changed > told) AS waiting
  FROM alarm_channels WHERE failing_since_ms IS NOT NULL ORDER BY name`;

export function unsentFindings(view: Pick<QueueView, 'read' | 'isAlive'>): Finding[] {
  const failing = view
    .read((rows) => rows.all<ChannelRow>(FAILING))
    .filter(({ waiting, missed }) => waiting + missed > 0);
  if (failing.length === 0 || !hasSender(view)) return [];
  return failing.map(({ name, waiting, missed, sinceMs, error }) =>
    finding('notice', 'alarms_untold', {
      what: name,
      sentence: `--notify-${name} has not received ${waiting} ${waiting === 1 ? 'alarm' : 'alarms'}${missed === 0 ? '' : ` (and ${missed} more were given up)`}: ${error}.`,
      release: 'look after the receiver; it is tried again every minute',
      since: iso(sinceMs),
    }),
  );
}

/** Without a process that sends, nothing is tried: the receivers may have been taken out of the configuration. */
const hasSender = (view: Pick<QueueView, 'read' | 'isAlive'>): boolean =>
  view.isAlive(view.read((rows) => rows.get<{ owner: OwnerId }>('SELECT owner FROM alarm_teller')!).owner);
