/** The lines of queue-stat below its tables: rates, when the backlog is done, free space, version and uptime. A line each, as on the page. */
import { shownBytes, shownSeconds } from '../base/telemetry/safe.js';
import type { PlaceReport } from '../service/figures/free-space.js';
import type { Report } from '../service/status/report.js';

export function figuresText({ throughput, places, service }: Report): string[] {
  const [all] = throughput;
  const { version, uptime_seconds: uptime } = service;
  return [
    ...(all === undefined || throughput.length === 1 ? [] : [rateText(all)]),
    ...filesystems(places).map((same) => spaceText(same, places)),
    `version ${version}${uptime === null ? '' : `, up for ${shownSeconds(uptime)}`}`,
  ];
}

function rateText(of: Report['throughput'][number]): string {
  const rate = `${of.files_per_second} files/s, ${shownBytes(of.bytes_per_second)}/s`;
  if (of.backlog_files === 0) return rate;
  const eta = of.eta_seconds === null ? `nobody knows when they are done: ${of.eta_unknown}` : doneText(of.eta_seconds);
  return `${rate}; ${of.backlog_files} complete ${of.backlog_files === 1 ? 'file waits' : 'files wait'}, ${eta}`;
}

export const doneText = (seconds: number): string => `done in about ${shownSeconds(seconds)} if nothing new comes`;

/** Places of the same filesystem together: they have the same room. */
const filesystems = (places: readonly PlaceReport[]): PlaceReport[][] => [
  ...Map.groupBy(places, ({ device, path }) => device ?? path).values(),
];

/** With the feeds, where there are several. */
function namesOf(places: readonly PlaceReport[], all: readonly PlaceReport[]): string {
  const feedsOf = (of: readonly PlaceReport[]) =>
    [...new Set(of.map(({ feed }) => feed))].filter((feed) => feed !== '*');
  const count = feedsOf(all).length;
  return [...new Set(places.map(({ place }) => place))]
    .map((place) => {
      const feeds = feedsOf(places.filter((one) => one.place === place));
      if (feeds.length === 0 || count < 2) return place;
      return `${place} of ${feeds.length === count ? 'every feed' : feeds.join(' and ')}`;
    })
    .join(', ');
}

const whyUnknown = (path: string, error: string | null): string =>
  error === null ? `no answer from ${path}` : error === 'ENOENT' ? `${path} is missing` : `${path} fails (${error})`;

function spaceText(places: readonly PlaceReport[], all: readonly PlaceReport[]): string {
  const names = namesOf(places, all);
  const [{ path, error, free_bytes: free, size_bytes: size }] = places as [PlaceReport];
  if (free === null || size === null) return `free for ${names}: ${whyUnknown(path, error)}`;
  const mark = Math.max(...places.map(({ min_free_bytes: least }) => least ?? 0));
  return `free for ${names}: ${shownBytes(free)} of ${shownBytes(size)}${mark > 0 ? ` (watermark ${shownBytes(mark)})` : ''}`;
}
