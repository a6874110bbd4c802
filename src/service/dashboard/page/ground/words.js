/** How figures, times and names are written. Names are escaped as in the commands: a file may be called anything. */

// biome-ignore lint/suspicious/noControlCharactersInRegex: those are what it is for
const ACTING = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** Nothing in it turns text round or breaks a line. */
export const name = (text) => text.replace(ACTING, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);

const whole = new Intl.NumberFormat('en');
export const count = (value) => whole.format(value);

/** `1 record`, `1,500 records` */
export const counted = (value, what) => `${count(value)} ${what}${value === 1 ? '' : 's'}`;

/** 1536 → `1.5 KiB` */
export function bytes(value) {
  if (value < 1024) return `${value} B`;
  const power = Math.min(Math.floor(Math.log2(value) / 10), 5);
  const shown = value / 1024 ** power;
  return `${shown >= 100 ? Math.round(shown) : shown.toFixed(1)} ${'KMGTP'[power - 1]}iB`;
}

/** 93 → `1m 33s` */
export function seconds(value) {
  if (value < 60) return `${Math.round(value)}s`;
  const units = [
    [Math.floor(value / 86_400), 'd'],
    [Math.floor(value / 3_600) % 24, 'h'],
    [Math.floor(value / 60) % 60, 'm'],
    [Math.floor(value) % 60, 's'],
  ];
  const first = units.findIndex(([amount]) => amount > 0);
  return units
    .slice(first, first + 2)
    .map(([amount, unit]) => `${amount}${unit}`)
    .join(' ');
}

/** Between two moments of the server's clock. */
export const between = (from, to) => seconds(Math.max(0, (Date.parse(to) - Date.parse(from)) / 1_000));

/** In UTC, as logs and manifests have it. */
export const moment = (iso) => `${iso.slice(0, 19).replace('T', ' ')} UTC`;
