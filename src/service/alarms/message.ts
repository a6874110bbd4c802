/** The message to a receiver: a JSON document with a text for people in it. docs/alarms.md describes it. */
import type { Reader } from '../../../queue/backend.js';
import { pasteable, type Shell } from '../../base/config/paste.js';
import { safeJsonLine, safeText, shownSeconds } from '../../base/telemetry/safe.js';
import { limits } from './limits.js';
import type { Trouble } from './trouble.js';

export type Message = ReturnType<typeof messageOf>;

export interface ToldAlarm extends Omit<Trouble, 'key' | 'grows' | 'graceMs' | 'sinceMs'> {
  /** The same in every message about one episode. */
  id: string;
  event: 'began' | 'grew' | 'ended';
  since: string;
  began_at: string;
  ended_at: string | null;
}

export interface Batch {
  alarms: ToldAlarm[];
  more: number;
  missed: number;
  /** The number of the last change in the message. */
  upTo: number;
}

interface AlarmRow extends Omit<ToldAlarm, 'event' | 'since' | 'began_at' | 'ended_at'> {
  since_ms: number;
  began_ms: number;
  ended_ms: number | null;
  began: number;
  changed: number;
}

const NEWER = `SELECT id, feed, code, stage, what, count, sentence, release, since_ms, began_ms, ended_ms, began, changed FROM alarms
  WHERE changed > ? ORDER BY changed LIMIT ${limits.alarmsPerMessage}`;

/** Returns the next message with the changes after `received`; undefined if there are none. */
export function nextBatch(rows: Reader, channel: string, received: number): Batch | undefined {
  const changed = rows.all<AlarmRow>(NEWER, received);
  const last = changed.at(-1);
  if (last === undefined) return undefined;
  const rest = rows.get<{ n: number }>('SELECT count(*) AS n FROM alarms WHERE changed > ?', last.changed)!.n;
  const { missed } = rows.get<{ missed: number }>('SELECT missed FROM alarm_channels WHERE name = ?', channel)!;
  return { alarms: changed.map((row) => toAlarm(row, received)), more: rest, missed, upTo: last.changed };
}

function toAlarm(
  { id, since_ms, began_ms, ended_ms, began, changed: _, ...row }: AlarmRow,
  received: number,
): ToldAlarm {
  const iso = (ms: number) => new Date(ms).toISOString();
  return {
    id,
    event: ended_ms !== null ? 'ended' : began > received ? 'began' : 'grew',
    ...row,
    since: iso(since_ms),
    began_at: iso(began_ms),
    ended_at: ended_ms === null ? null : iso(ended_ms),
  };
}

export interface About {
  host: string;
  state: string;
  statePath: string;
  /** The shell for its commands. */
  shell: Shell;
}

export function messageOf(batch: Batch, about: About, wallMs: number) {
  const { more, missed } = batch;
  const { host, state, statePath, shell } = about;
  const alarms = pasteable(batch.alarms, shell);
  return {
    /** The document's version. Fields are never removed, and never change their meaning. */
    version: 1,
    /** The text for people, in the field that Slack, Mattermost and others show. */
    text: textOf(host, alarms, more, missed),
    host,
    /** The UUID of the state and its path. */
    state,
    state_path: statePath,
    sent_at: new Date(wallMs).toISOString(),
    alarms,
    /** The number of changes left for the next message. */
    more,
    /** The number of alarms that were over and removed before this receiver could get them. */
    missed,
  };
}

/** Escapes a line, so that no file name in it can affect the program that shows it. */
export const documentOf = (message: Message): string => safeJsonLine(JSON.stringify(message));

/** The first line can be the subject of a mail. Then one line per alarm follows. */
function textOf(host: string, alarms: readonly ToldAlarm[], more: number, missed: number): string {
  const over = alarms.filter(({ event }) => event === 'ended').length;
  const counts = [
    alarms.length - over === 1 ? '1 alarm' : `${alarms.length - over} alarms`,
    over > 0 && `${over} over`,
  ];
  const shown = alarms.slice(0, limits.textLinesMax).map(lineOf);
  const rest = alarms.length - shown.length + more;
  if (rest > 0) shown.push(`… and ${rest} more`);
  if (missed > 0) shown.push(`${missed} that were over were given up before this receiver could get them`);
  return [`atomic-ingestor on ${host}: ${counts.filter(Boolean).join(', ')}`, ...shown].map(safeText).join('\n');
}

function lineOf({ event, sentence, release, began_at, ended_at }: ToldAlarm): string {
  if (event !== 'ended') return `${event === 'grew' ? 'MORE' : 'ALARM'}: ${sentence} → ${release}`;
  const seconds = Math.max(0, (Date.parse(ended_at!) - Date.parse(began_at)) / 1_000);
  return `OVER, after ${shownSeconds(seconds)}: ${sentence}`;
}
