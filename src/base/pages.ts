/**
 * Rows page by page, until a page is empty.
 * `pageAfter` gets the last row of the page before; undefined at the beginning.
 */
export function* pages<T>(pageAfter: (last: T | undefined) => readonly T[]): Generator<readonly T[]> {
  for (let page = pageAfter(undefined); page.length > 0; page = pageAfter(page.at(-1))) yield page;
}
