/** Held files by reason, and each reason by folder: all of a group can be retried or discarded at once. */
import { button, buttons, change, sureToDiscard } from '../ground/acts.js';
import { $, element, list, setText, setTexts } from '../ground/dom.js';
import { Kept, showGone } from '../ground/kept.js';
import { between, counted, moment, name } from '../ground/words.js';

const kept = new Kept();
export const keyOf = ({ feed, code, folder = '' }) => [feed, code, folder].join('\0');
const folderText = (folder) => (folder === '.' ? 'the input itself' : name(folder));

/** Held files of a group, whose `part` of a name is that with which it was loaded: what the name filter says now may be another. */
export const filterOf = ({ feed, code, folder, part }) => ({
  feed,
  code,
  ...(folder !== undefined && { folder }),
  ...(part !== '' && { name: part }),
});

/** Returns whether there is anything to see. */
export function drawGroups(items, { now, many, isOpen, isChosen, changed, toggle, choose, more }) {
  const rows = kept.merge(items, keyOf);
  list(
    $('held-groups').tBodies[0],
    rows,
    ({ key }) => key,
    ({ item }) => (item.rest === undefined ? makeGroup(item, { changed, toggle, choose }) : makeMore(item, more)),
    (row, { item, isGone }) => {
      row.group = item;
      if (item.rest !== undefined) return setText(row.cells[0].firstElementChild, restText(item));
      showGroup(row, item, { now, many, isOpen: isOpen(item), isChosen: isChosen(item) });
      return showGone(row, isGone);
    },
  );
  return rows.length > 0;
}

function makeGroup(item, { changed, toggle, choose }) {
  const row = element('tr', { className: item.folder === undefined ? 'reason' : 'folder' });
  const of = () => row.group;
  const names = element('td', { className: item.folder === undefined ? 'name' : 'name path' });
  if (item.folder === undefined)
    names.append(
      button('', () => toggle(of())),
      ' ',
    );
  names.append(button('', () => choose(of())));
  names.lastElementChild.className = 'link';
  const verb = (word, text, danger) => {
    const made = button(text, (pressed) => actOnGroup(pressed, word, of(), changed), { danger });
    made.dataset.verb = word;
    return made;
  };
  const acts = buttons(verb('retry', 'Retry all of these', false), verb('discard', 'Discard all of these…', true));
  row.append(names, element('td'), element('td', { className: 'since' }), element('td', {}, acts));
  return row;
}

function showGroup(row, item, { now, many, isOpen, isChosen }) {
  const { feed, code, folder, files, folders, since } = item;
  const [toggle, choose] = folder === undefined ? row.cells[0].children : [undefined, row.cells[0].firstElementChild];
  const text = folder === undefined ? `${many ? `${name(feed)}: ` : ''}${name(code)}` : folderText(folder);
  setText(choose, text);
  choose.setAttribute('aria-pressed', String(isChosen));
  choose.title = 'Show the files of this group';
  if (toggle) {
    setText(toggle, isOpen ? '▾' : '▸');
    toggle.className = 'toggle';
    toggle.setAttribute('aria-expanded', String(isOpen));
    toggle.setAttribute('aria-label', `${counted(folders, 'folder')} of ${text}`);
  }
  setTexts(
    [row.cells[1], row.cells[2]],
    [
      `${counted(files, 'file')}${folders === undefined ? '' : ` in ${counted(folders, 'folder')}`}`,
      between(since, now),
    ],
  );
  row.cells[2].title = `The first of them since ${moment(since)}`;
  row.classList.toggle('chosen', isChosen);
  for (const one of row.querySelectorAll('[data-verb]')) {
    const words = one.dataset.verb === 'retry' ? 'Retry' : 'Discard';
    one.setAttribute('aria-label', `${words} all of these: ${whichText(item)}`);
  }
}

/** ` held for too_large in a/b with "x" in the name` */
export const whyText = ({ code, folder, part }) =>
  `${code === undefined ? '' : ` held for ${name(code)}`}${folder === undefined ? '' : ` in ${folderText(folder)}`}${part === '' ? '' : ` with "${name(part)}" in the name`}`;
const whichText = (item) => `${counted(item.files, 'file')} of feed ${name(item.feed)}${whyText(item)}`;

/** Nobody gives up more than what they saw: more may be held meanwhile. */
async function actOnGroup(pressed, verb, item, changed) {
  const which = whichText(item);
  if (verb === 'discard' && !(await sureToDiscard(which))) return;
  kept.keep(keyOf(item), item);
  await change(pressed, verb, `${verb === 'retry' ? 'Retrying' : 'Discarding'} ${which}`, {
    all: true,
    ...filterOf(item),
    ...(verb === 'discard' && { files: item.files }),
  });
  changed();
}

const restText = ({ rest }) => `${counted(rest, 'more folder')}: show more of them, or narrow by name`;

function makeMore(item, more) {
  const row = element('tr', { className: 'folder' });
  const cell = element('td', { colSpan: 4, className: 'name' }, element('span'), ' ');
  if (item.canGrow) cell.append(button(`Show more`, () => more(row.group)));
  row.append(cell);
  return row;
}
