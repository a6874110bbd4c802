/**
 * Elements of the page. Everything that came from outside is set as text, never as markup.
 * Elements are kept from snapshot to snapshot and changed only where their words changed, so that the focus stays where it is and
 * a screen reader does not repeat the same words.
 */

export const $ = (id) => document.getElementById(id);

export function element(tag, { text, className, ...rest } = {}, ...children) {
  const made = Object.assign(document.createElement(tag), rest);
  if (text !== undefined) made.textContent = text;
  if (className !== undefined) made.className = className;
  made.append(...children);
  return made;
}

export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function setTexts(nodes, texts) {
  for (const [i, text] of texts.entries()) setText(nodes[i], text);
}

/**
 * One child an item, kept by its key, in the order of the items. `make(item)` returns an element; `show(element, item)` writes
 * the words of an item, at each snapshot, so that nothing of an earlier one is left in it.
 */
export function list(parent, items, keyOf, make, show) {
  const known = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  let next = parent.firstElementChild;
  for (const item of items) {
    const key = String(keyOf(item));
    let child = known.get(key);
    known.delete(key);
    if (child === undefined) {
      child = make(item);
      child.dataset.key = key;
    }
    show(child, item);
    if (child === next) next = next.nextElementSibling;
    else parent.insertBefore(child, next);
  }
  for (const gone of known.values()) gone.remove();
}

/** A card with nothing in it takes one line: its title and `${id}-none`. */
export function showEmpty(id, isEmpty) {
  const content = $(id).closest('.scroll') ?? $(id);
  content.hidden = isEmpty;
  $(`${id}-none`).hidden = !isEmpty;
  $(id).closest('section').classList.toggle('empty', isEmpty);
}

/** The items of the chosen feed; `*` = all. */
export const ofFeed = (feed) => (one) => feed === '*' || one.feed === feed || one.feed === '*';
