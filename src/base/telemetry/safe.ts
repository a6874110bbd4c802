/**
 * Makes names harmless: a file may be called anything, also what moves a terminal's cursor or turns text round.
 * Guarantees: nothing in the result acts on a terminal or breaks a line; what was there stays readable as an escape.
 */

/** C0 and C1 controls, DEL, line and paragraph separators, and the marks that change the direction of text. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: those are what it is for
const ACTING = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

const escaped = (char: string): string => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** For a line that a person reads. */
export const safeText = (text: string): string => text.replace(ACTING, escaped);

/** For a JSON document on one line: JSON itself escapes only C0. Stays the same document. */
export const safeJsonLine = (json: string): string => json.replace(ACTING, escaped);

/** 1536 → `1.5 KiB`. */
export function shownBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const power = Math.min(Math.floor(Math.log2(bytes) / 10), 5);
  const value = bytes / 1024 ** power;
  return `${value >= 100 ? Math.round(value) : value.toFixed(1)} ${'KMGTP'[power - 1]}iB`;
}

/** 5368709120 → `5.0 GiB (5368709120 bytes)`: for a reader, and exact. */
export function exactBytes(bytes: number): string {
  const exact = `${bytes} ${bytes === 1 ? 'byte' : 'bytes'}`;
  return bytes < 1024 ? exact : `${shownBytes(bytes)} (${exact})`;
}

/** 93 → `1m33s`; under ten seconds with one decimal. */
export function shownSeconds(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)}s`;
  if (seconds < 60) return `${Math.round(seconds)}s`;
  const whole = Math.round(seconds);
  const parts: [number, string][] = [
    [Math.floor(whole / 86_400), 'd'],
    [Math.floor(whole / 3_600) % 24, 'h'],
    [Math.floor(whole / 60) % 60, 'm'],
    [whole % 60, 's'],
  ];
  const first = parts.findIndex(([value]) => value > 0);
  return parts
    .slice(first, first + 2)
    .map(([value, unit]) => `${value}${unit}`)
    .join('');
}
