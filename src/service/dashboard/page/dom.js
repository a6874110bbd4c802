/**
 * Elements of the page. Everything that came from outside is set as text, never as markup.
 * Elements are kept from look to look and changed only where their words changed, so that the focus stays where it is and a
 * screen reader is not told the same again.
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
 * One child an item, kept by its key, in the order of the items. `make(item)` answers an element; `show(element, item)` writes
 * what is seen of an item, at each look, so that nothing of an earlier look is left in it.
 */
export function list(parent, items, keyOf, make, show) {
  const known = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  let place = parent.firstElementChild;
  for (const item of items) {
    const key = String(keyOf(item));
    let child = known.get(key);
    known.delete(key);
    if (child === undefined) {
      child = make(item);
      child.dataset.key = key;
    }
    show(child, item);
    if (child === place) place = place.nextElementSibling;
    else parent.insertBefore(child, place);
  }
  for (const gone of known.values()) gone.remove();
}

/** What concerns the feed that was chosen; `*` = all. */
export const ofFeed = (feed) => (one) => feed === '*' || one.feed === feed || one.feed === '*';
