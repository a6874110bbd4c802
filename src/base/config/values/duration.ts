/** Durations and sizes as people write them: `90s`, `1h30m`; `500MB`, `10GiB`. Pure. */

/** The units of time, the smallest first. */
export const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

const UNITS = Object.keys(UNITS_MS);
const WHOLE = /^(?:\d{1,9}(?:\.\d{1,3})?(?:ms|[smhd]))+$/;
const PART = /([\d.]+)([a-z]+)/g;

/** The duration in ms. Undefined where the text is none: each unit at most once, the largest first. */
export function durationMs(text: string): number | undefined {
  if (!WHOLE.test(text)) return undefined;
  let ms = 0;
  let rank = UNITS.length;
  for (const [, count, unit] of text.matchAll(PART)) {
    if (UNITS.indexOf(unit!) >= rank) return undefined;
    rank = UNITS.indexOf(unit!);
    ms += Number(count) * UNITS_MS[unit!]!;
  }
  // 0.1 of a minute is not exact in binary.
  return Math.round(ms * 1_000) / 1_000;
}

/** `1h30m`: as it would be written. */
export function shownDuration(ms: number): string {
  const parts: string[] = [];
  let rest = ms;
  for (const [unit, length] of Object.entries(UNITS_MS).reverse()) {
    const count = Math.floor(rest / length);
    if (count === 0) continue;
    parts.push(`${count}${unit}`);
    rest -= count * length;
  }
  return parts.join('') || '0s';
}

/** A prefix of 1,000 and one of 1,024, as in the SI and IEC standards. A letter alone would say neither. */
const BYTES_OF: Readonly<Record<string, number>> = {
  b: 1,
  ...Object.fromEntries(
    [...'kmgtp'].flatMap((letter, i) => [
      [`${letter}b`, 1_000 ** (i + 1)],
      [`${letter}ib`, 1_024 ** (i + 1)],
    ]),
  ),
};
const SIZE = /^(\d{1,16}(?:\.\d{1,3})?) ?([a-z]{1,3})$/i;

/** The size in bytes. Undefined where the text is none; a bare number is none here. */
export function bytesOfSize(text: string): number | undefined {
  const [, count, unit] = SIZE.exec(text) ?? [];
  const factor = BYTES_OF[unit?.toLowerCase() ?? ''];
  // 0.1 of a unit is not exact in binary.
  return factor === undefined ? undefined : Math.round(Number(count) * factor);
}
