/**
 * The plan of the house: the folders of src/ in their order. A folder imports itself and those before it, with no exception, so
 * that no two of them import each other. A folder that is missing here has no place.
 */
export const HOUSE: readonly string[] = [
  // The package itself, and the parts of every program.
  'src',
  'src/linux',
  'src/base',
  'src/base/config/values',
  'src/base/config',
  'src/base/help',
  'src/base/telemetry',
  'src/base/process',
  'src/files',
  // The shared ledger of several hosts.
  'src/fleet',
  // Libraries of their own.
  'src/change-log',
  'src/watcher/backend',
  'src/watcher/engine',
  'src/watcher/options',
  'src/watcher/reconcile',
  'src/watcher',
  'src/mirror/trees',
  'src/mirror/acts',
  'src/mirror/changes',
  'src/mirror',
  'src/mirror/library',
  'src/process/formats',
  'src/process/chain',
  'src/process',
  // The ingestor: the steps of a file, and the processes that carry them out.
  'src/ingest/rules',
  'src/ingest/files',
  'src/ingest/outputs',
  'src/ingest/outbox',
  'src/ingest/ledger',
  'src/ingest/shared-ledger',
  'src/ingest/manifest',
  'src/ingest/warehouse',
  'src/ingest/calls',
  'src/ingest/evidence',
  'src/ingest/roots',
  'src/ingest/periods',
  'src/ingest/gates',
  'src/ingest/health',
  'src/ingest/upkeep',
  'src/ingest/threads',
  'src/ingest/chains',
  'src/ingest/steps',
  'src/ingest/planning',
  'src/ingest/ends',
  'src/ingest/stages',
  'src/ingest/worker',
  'src/ingest/producer',
  // Tools that only a command starts.
  'src/tools/backup',
  'src/tools/rebuild/state',
  'src/tools/rebuild',
  'src/tools/audit',
  'src/tools/explain',
  'src/tools/doctor',
  'src/tools/exceptions',
  'src/tools/dry-run',
  // Services that run beside the ingestor.
  'src/service/figures',
  'src/service/status',
  'src/service/fleet',
  'src/service/alarms',
  'src/service/dashboard/held',
  'src/service/dashboard/data',
  'src/service/dashboard/search',
  'src/service/dashboard/page/ground',
  'src/service/dashboard/page/figures',
  'src/service/dashboard/page/held',
  'src/service/dashboard/page',
  'src/service/dashboard',
  'src/service/supervise',
  'src/commands',
  'src/programs',
];

export const FOLDER_FILES_MAX = 15;

/** Lists of like things: a command, a verb of the queue, a call of libc a file. */
export const LISTS: readonly string[] = ['src/commands', 'src/linux', 'queue/sqlite'];
