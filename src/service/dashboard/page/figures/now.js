/** The figures of now: version, uptime, rates, backlog and when it is done; the free space of each place. */
import { $, element, list, ofFeed, setText } from '../ground/dom.js';
import { table } from '../ground/tables.js';
import { bytes, count, counted, name, seconds } from '../ground/words.js';

export function drawNow(snapshot, feed) {
  const { version, uptime_seconds: uptime } = snapshot.service;
  const its = snapshot.throughput.find((one) => one.feed === feed) ?? snapshot.throughput[0];
  const facts = [
    ['Version', version],
    ['Up for', uptime === null ? 'not at work' : seconds(uptime)],
    ['Stored', `${its.files_per_second} files/s`],
    ['Bytes', `${bytes(Math.round(its.bytes_per_second))}/s`],
    ['Backlog', backlogWords(its)],
    ['Done in', etaWords(its)],
  ];
  list(
    $('now'),
    facts,
    ([title]) => title,
    () => element('div', {}, element('dt'), element('dd')),
    (item, [title, words]) => {
      setText(item.children[0], title);
      setText(item.children[1], words);
    },
  );
  drawPlaces(snapshot, feed);
}

function backlogWords({ backlog_files: files, growing_files: growing }) {
  return growing > 0 ? `${counted(files, 'file')}, and ${count(growing)} that may still grow` : counted(files, 'file');
}

/** Rounded as far as such a figure can be trusted. */
function etaWords({ eta_seconds: eta, eta_unknown: why, backlog_files: files, growing_files: growing }) {
  if (files === 0) return growing > 0 ? 'nothing complete waits' : 'nothing waits';
  if (eta === null) return `unknown: ${why}`;
  if (eta < 60) return 'less than a minute, if nothing new comes';
  const step = eta < 600 ? 60 : eta < 3_600 ? 300 : 1_800;
  return `about ${seconds(Math.ceil(eta / step) * step)}, if nothing new comes`;
}

/** A row a filesystem: its places share the room. */
function drawPlaces({ places, feeds }, feed) {
  const groups = new Map();
  for (const place of places.filter(ofFeed(feed))) {
    const key = place.device === null ? place.path : String(place.device);
    groups.set(key, [...(groups.get(key) ?? []), place]);
  }
  const many = feed === '*' && feeds.length > 1;
  table(
    'places',
    [...groups],
    ([key]) => key,
    ([, its]) => {
      const [{ free_bytes: free, size_bytes: size }] = its;
      const mark = Math.max(0, ...its.map((one) => one.min_free_bytes ?? 0));
      return [
        [namesOf(its, many), 'path lines'],
        [free === null ? trouble(its[0]) : bytes(free), 'number'],
        [free === null ? '–' : `${bytes(size)}, ${Math.floor((100 * free) / size)} % free`, 'number'],
        [mark === 0 ? 'none' : free !== null && free < mark ? `below ${bytes(mark)}` : bytes(mark), 'number'],
      ];
    },
  );
}

const trouble = ({ error }) => (error === null ? 'no answer' : error === 'ENOENT' ? 'missing' : `fails (${error})`);

/** `warehouse /data/warehouse`; of many feeds the places alone, and how many feeds have them there. */
function namesOf(its, many) {
  if (!many) return its.map(({ place, path }) => `${place} ${name(path)}`).join('\n');
  const kinds = new Map();
  for (const { place, path, feed } of its) kinds.set(place, [...(kinds.get(place) ?? []), { path, feed }]);
  return [...kinds]
    .map(([place, those]) =>
      those.length === 1 ? `${place} ${name(those[0].path)}` : `${place} of ${those.length} feeds`,
    )
    .join('\n');
}
