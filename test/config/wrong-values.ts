/** Wrong values for every option, made from the schema; text whose rule no bound tells has its own here. */
import { metaOf } from '../../src/config/field.js';
import { allFields } from '../../src/config/schema.js';

const OF_TEXT: Record<string, string[]> = {
  timezone: ['Mars/Base', '+99:99'],
  'sidecar-suffix': ['ok', '.', '.a/b', `.${'x'.repeat(40)}`],
  workers: ['nonsense=1', 'hash=0', 'hash=999', 'hash=1,hash=2', 'hash='],
  stage: ['nonsense', 'hash=0', 'hash=x'],
  dashboard: ['x', '0', '65536', 'host:', 'a b:80'],
  include: ['x'.repeat(2_000)],
  exclude: ['x'.repeat(2_000)],
};

export function wrongValuesOf(name: string): string[] {
  const { kind, min, max, rule } = metaOf(allFields[name]!);
  if (kind === 'number') {
    const outside = [String(min! - 1), String(max! + 1), 'abc', '1e3', '0x10', '', 'NaN'];
    return rule.startsWith('a whole number') ? [...outside, `${min! + 1}.5`] : outside;
  }
  if (kind === 'choice') return ['nonsense', '', 'STABILITY'];
  if (kind === 'switch') return ['maybe', '2', ''];
  return ['', ...(OF_TEXT[name] ?? [])];
}
