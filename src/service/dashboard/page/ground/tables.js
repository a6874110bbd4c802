/** Tables whose rows are kept from snapshot to snapshot, and names that open what is known of their file. */
import { $, element, list, setText, showEmpty } from './dom.js';
import { name } from './words.js';

/** The address of what is known of a file: it can be sent to somebody, and the back button leaves it. */
export const fileLink = (word) => `#file=${encodeURIComponent(word)}`;

/** The rows of a table; where there are none, the words that say so. */
export function table(id, items, keyOf, cells) {
  rows(id, items, keyOf, cells);
  showEmpty(id, items.length === 0);
}

/** `cells(item)` returns [text, class, address] for each column. */
export function rows(id, items, keyOf, cells) {
  const make = (item) => {
    const columns = cells(item).map(([, className = '', href]) =>
      element('td', { className }, ...(href === undefined ? [] : [element('a', { href })])),
    );
    return element('tr', {}, ...columns);
  };
  const show = (tr, item) => {
    for (const [i, [text]] of cells(item).entries()) setText(tr.cells[i].querySelector('a') ?? tr.cells[i], text);
  };
  list($(id).tBodies[0], items, keyOf, make, show);
}

/** The name of a job's file, as a cell that opens what is known of it. */
export const fileCell = (job, snapshot) => [pathOf(job, snapshot), 'path', fileLink(job.id)];

/** With several feeds a path says of which one it is. */
export const pathOf = ({ feed, path }, snapshot) =>
  snapshot.feeds.length > 1 ? `${name(feed)}: ${name(path)}` : name(path);
