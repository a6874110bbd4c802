/** Every exception from the rules of test/tidy.test.ts, with its reason. */
export const allowed = {
  lines: {
    'src/base/config/schema.ts': 'the one table of every option',
  } as Record<string, string>,
  calls: {
    'test/watcher/places.test.ts': 'its own wait with a deadline, as in test/world/waiting.ts',
    'test/service/supervise/family.ts': 'its own wait with a deadline, as in test/world/waiting.ts',
    'test/crash/power.ts': 'the moment of a cut is drawn, in ms after an event: nothing is waited for',
    'test/crash/adversary-uploader.ts': 'how long the hostile one lets its traps lie is drawn: nothing is waited for',
    'test/crash/adversary-pauses.ts': 'the moment of a stop is drawn, and the length of a pause is what is tested',
    'test/crash/frozen.ts': 'the moment of a stop is drawn, in ms: nothing is waited for',
    'test/sharing/play.ts': 'the lengths of stops and outages are drawn: nothing is waited for',
    'test/publishing/random.test.ts': 'the time between two acts is drawn: nothing is waited for',
    'test/sharing/random.test.ts': 'the time between two acts is drawn: nothing is waited for',
    'test/sharing/failover.test.ts': 'the load of a while, in files a second: nothing is waited for',
    'test/sharing/views.test.ts': 'it writes a state by hand that only a cut in a moment would leave',
    'src/commands/state-copy.ts':
      'a copy aside to be read, in a temporary folder of its own; no file that was delivered',
    'src/commands/temporary.ts': 'a temporary folder of its own; no file that was delivered',
    'src/process/index.ts': 'a temporary folder of its own; no file that was delivered',
    'src/tools/audit/notes.ts': 'a private database of one audit beside the state, no state',
    'src/tools/dry-run/notes.ts': 'a private, temporary database of one process, no state',
    'queue/sqlite/migrations.ts':
      'before the first transaction there is no clock of the backend; the backup is its own file',
  } as Record<string, string>,
  dead: {} as Record<string, string>,
};
