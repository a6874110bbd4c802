/**
 * Rows whose button was pressed stay for a while where they were, with their answer, although the server lists them no more: an
 * answer that vanishes with its row is no answer.
 */
const KEPT_MS = 20_000;

export class Kept {
  #kept = new Map();
  #order = [];

  /** To be called before the change is sent: a snapshot without the row may come before the answer. */
  keep(key, item) {
    this.#kept.set(key, { item, untilMs: Date.now() + KEPT_MS });
  }

  /** After another page or filter was chosen. */
  forget() {
    this.#kept.clear();
    this.#order = [];
  }

  /** The items, and those that are kept at the places where they were; `isGone` marks them. */
  merge(items, keyOf) {
    const there = new Set(items.map(keyOf));
    const merged = items.map((item) => ({ key: keyOf(item), item, isGone: false }));
    for (const [key, { item, untilMs }] of this.#kept) {
      if (Date.now() > untilMs) this.#kept.delete(key);
      else if (!there.has(key)) merged.splice(this.#indexIn(merged, key), 0, { key, item, isGone: true });
    }
    this.#order = merged.map(({ key }) => key);
    return merged;
  }

  /** After the nearest row before it that is still there. */
  #indexIn(merged, key) {
    const before = this.#order.slice(0, this.#order.indexOf(key) + 1).reverse();
    for (const one of before) {
      const index = merged.findIndex((other) => other.key === one);
      if (index >= 0) return index + 1;
    }
    return 0;
  }
}

/** Hides the buttons of a row that is gone; the focus goes on to the same button of a row nearby, or to the title. */
export function showGone(row, isGone) {
  row.classList.toggle('gone', isGone);
  for (const one of row.querySelectorAll('button.link')) one.disabled = isGone;
  for (const one of row.querySelectorAll('.acts button, .toggle, input')) {
    if (one.hidden === isGone) continue;
    if (isGone && one === document.activeElement) focusNear(row, one);
    one.hidden = isGone;
  }
}

function focusNear(row, pressed) {
  const { verb } = pressed.dataset;
  const alike = verb === undefined ? [] : [...row.parentElement.querySelectorAll(`[data-verb="${verb}"]`)];
  const usable = alike.filter((one) => one === pressed || !one.hidden);
  const at = usable.indexOf(pressed);
  const next = (at < 0 ? undefined : (usable[at + 1] ?? usable[at - 1])) ?? row.closest('section').querySelector('h2');
  next.focus();
}
