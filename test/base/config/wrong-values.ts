/** Wrong values for every option, generated from the schema. An option whose rule is not a bound or a choice has its own list. */
import { allFields } from '../../../src/base/config/schema.js';

const OF_TEXT: Record<string, string[]> = {
  timezone: ['Mars/Base', '+99:99'],
  'sidecar-suffix': ['ok', '.', '.a/b', `.${'x'.repeat(40)}`],
  workers: ['nonsense=1', 'hash=0', 'hash=999', 'hash=1,hash=2', 'hash='],
  stage: ['nonsense', 'hash=0', 'hash=x'],
  dashboard: ['x', '0', '65536', 'host:', 'a b:80'],
  expect: [
    'x',
    'x by 24:00',
    'x by 6:30',
    'x by 06:30 on monday',
    'x by 06:30 on mon-',
    'x every 0h',
    'x every 24',
    'x every 400d',
  ],
  'notify-command': [
    'mail',
    'bin/mail -s x',
    "/bin/sh -c 'x'",
    '/bin/mail | cat',
    '/bin/echo $HOME',
    `/${'x'.repeat(2_000)}`,
  ],
  'notify-webhook': [
    'x',
    'ftp://example.org/',
    'https://',
    '//example.org',
    'https://example.org:word@example.org/',
    'file:///etc/passwd',
  ],
  include: ['x'.repeat(2_000), '/data/staging/*.csv', '../*.csv'],
  exclude: ['x'.repeat(2_000), 'tmp/', 'a//b', '!', '!x'],
};

export function wrongValuesOf(name: string): string[] {
  const { kind, min, max, rule } = allFields[name]!.meta;
  if (kind === 'number') {
    const outside = [String(min! - 1), String(max! + 1), 'abc', '1e3', '0x10', '', 'NaN'];
    return rule.startsWith('a whole number') ? [...outside, `${min! + 1}.5`] : outside;
  }
  if (kind === 'size')
    return ['abc', '', '1e3', '0x10', '1.5', '1 XB', '10G', 'MB', '-1', '-1MB', '9007199254740992', '9000PiB'];
  if (kind === 'duration') {
    const words = ['abc', '', '1e3', '1x', '1h1h', '1m1h', '1 h', 'h', '-1s', '999999d'];
    return min === undefined ? [...words, '90'] : [...words, String(min - 1), String(max! + 1)];
  }
  if (kind === 'choice') return ['nonsense', '', 'STABILITY'];
  if (kind === 'switch') return ['maybe', '2', ''];
  return ['', ...(OF_TEXT[name] ?? [])];
}
