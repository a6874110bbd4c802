/** Finds the word that was probably meant. Pure. */

/** The known word at the smallest edit distance, if it is near enough to be a slip of the hand: one slip in three letters. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const ranked = known.map((candidate) => ({ candidate, distance: editDistance(word, candidate) }));
  ranked.sort((a, b) => a.distance - b.distance);
  const best = ranked[0];
  return best && best.distance <= Math.max(1, Math.floor(word.length / 3)) ? best.candidate : undefined;
}

/** `Did you mean X? ` or nothing. */
export function suggestion(word: string, known: readonly string[], prefix = ''): string {
  const near = nearest(word, known);
  return near === undefined ? '' : `did you mean ${prefix}${near}? `;
}

/** Letters that are missing, too many, wrong, or two that are exchanged: each is one slip. */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitute = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      const isExchange = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const exchange = isExchange ? before[j - 2]! + 1 : Number.POSITIVE_INFINITY;
      next.push(Math.min(substitute, row[j]! + 1, next[j - 1]! + 1, exchange));
    }
    before = row;
    row = next;
  }
  return row[b.length]!;
}
