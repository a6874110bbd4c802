/** Every exception from the rules of test/tidy.test.ts, with its reason. */
export const allowed = {
  imports: {
    'src/linux/without-waiting.ts': 'how a line of the log is written without waiting for its reader',
    'src/ingest/stages/job.ts': 'what a row says of a job: words that the ledger and the manifest speak too',
    'src/ingest/rules/completion.ts': 'the rule of completeness, pure: explain tells what verify-complete acts on',
    'src/ingest/rules/filters.ts': 'the rules of names, pure: explain tells what the producer acts on',
    'src/ingest/health/processes.ts': 'who is at work and who is stopped, as queue-stat says it: explain says the same',
    'src/ingest/health/room.ts': 'whether the disk of the state is full, as queue-stat says it: explain says the same',
    'src/ingest/stages/sidecar.ts': 'reads what a sidecar demands; a file that is found without its job has only that',
    'src/base/process/protocol.ts': 'types alone: what a parent and its children say to one another',
    'src/base/process/context.ts': 'types alone: what a role is given by the process that it runs in',
  } as Record<string, string>,
  lines: {
    'queue/backend.ts': 'the interface of a backend, to be read in one piece; most of it is comment',
    'src/base/config/schema.ts': 'the one table of every option',
  } as Record<string, string>,
  calls: {
    'test/watcher/places.test.ts': 'its own wait with a deadline, as in test/world/waiting.ts',
    'test/service/supervise/family.ts': 'its own wait with a deadline, as in test/world/waiting.ts',
    'test/crash/power.ts': 'the moment of a cut is drawn, in ms after an event: nothing is waited for',
    'test/crash/adversary-uploader.ts': 'how long the hostile one lets its traps lie is drawn: nothing is waited for',
    'test/crash/adversary-pauses.ts': 'the moment of a stop is drawn, and the length of a pause is what is tested',
    'test/crash/frozen.ts': 'the moment of a stop is drawn, in ms: nothing is waited for',
    'src/commands/state-copy.ts':
      'a copy aside to be read, in a temporary folder of its own; no file that was delivered',
    'src/tools/audit/notes.ts': 'a private database of one audit beside the state, no state',
    'src/tools/dry-run/notes.ts': 'a private, temporary database of one process, no state',
    'queue/sqlite/migrations.ts':
      'before the first transaction there is no clock of the backend; the backup is its own file',
  } as Record<string, string>,
  dead: {} as Record<string, string>,
};
