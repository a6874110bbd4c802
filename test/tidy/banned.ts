/**
 * Calls that this package does not make, the folders of each rule, and the replacement. Each entry has a line that it must catch.
 */
export interface Ban {
  call: RegExp;
  where: RegExp;
  except?: RegExp;
  instead: string;
  /** A line that must be caught. */
  example: string;
}

export const BANNED: Ban[] = [
  {
    call: /\b(?:fs\.)?watch(?:File)?\(.*['"`]|from 'chokidar'/,
    where: /^(queue|src)\//,
    except: /^src\/(linux|watcher)\//,
    example: "fs.watch('dir')",
    instead: 'Inotify of src/linux: fs.watch drops the overflow event',
  },
  {
    call: /\brename(?:Sync)?\(/,
    where: /^(queue|src)\//,
    example: 'renameSync(from, to)',
    instead: 'deliver, moveOwn or take: rename overwrites what is there',
  },
  {
    call: /\brenameReplacing\(/,
    where: /^(queue|src)\//,
    except: /^src\/(linux|mirror)\/|^src\/files\/moves\.ts$|^src\/ingest\/files\/take\.ts$/,
    example: 'renameReplacing(dir, from, dir, to)',
    instead: 'deliver, moveOwn or take: only a mirror may overwrite, and only what it made',
  },
  {
    call: /\b(renameNoReplace|linkAt)\(/,
    where: /^(queue|src)\//,
    // work-place.ts asks with a name that does not exist.
    except:
      /^src\/linux\/|^src\/files\/moves\.ts$|^src\/ingest\/files\/take\.ts$|^src\/ingest\/upkeep\/work-place\.ts$/,
    example: 'renameNoReplace(dir, from, dir, to)',
    instead: 'deliver, moveOwn or take: not every filesystem knows RENAME_NOREPLACE',
  },
  {
    call: /\bcopyFile(?:Sync)?\(/,
    where: /^(queue|src)\//,
    example: 'copyFileSync(from, to)',
    instead: 'the copy in src/files: it hashes what it writes and syncs it',
  },
  {
    call: /\bappendFile(?:Sync)?\(|O_APPEND|flags: 'a|openSync\([^)]*, 'a/,
    where: /^(queue|src)\//,
    except: /^src\/linux\//,
    example: "openSync(path, 'a')",
    instead: 'pwrite at the planned offset: with O_APPEND Linux ignores it',
  },
  {
    call: /\brm(?:Sync)?\([^)]*recursive/,
    where: /^(queue|src)\//,
    example: 'rmSync(path, { recursive: true })',
    instead: 'unlinkAt of src/linux, of one name that the row gives',
  },
  {
    call: /\bDate\.now\(|new Date\(\)/,
    where: /^queue\/(?!clock\.ts)/,
    example: 'const now = Date.now();',
    instead: 'tx.wallMs, tx.nowMs or queue/clock.ts (the backend owns the clock); performance.now() for deadlines',
  },
  {
    call: /\bconsole\.(?:log|error|warn|info|debug)\(/,
    where: /^(queue|src)\//,
    except: /^src\/commands\//,
    example: 'console.log(line)',
    instead: 'emit of src/base/telemetry, or the output of a command',
  },
  {
    call: /\bprocess\.exit\(/,
    where: /^(queue|src)\//,
    except: /^src\/(service\/supervise|commands)\//,
    example: 'process.exit(3)',
    instead: 'throw an OperatorError: the command ends with its exit code',
  },
  {
    call: /\bfrom 'koffi'/,
    where: /./,
    except: /^(src|test)\/linux\//,
    example: "import koffi from 'koffi';",
    instead: 'src/linux, the only place that binds libc',
  },
  {
    call: /\bfrom 'better-sqlite3'/,
    where: /^(queue|src|test)\//,
    // A watcher keeps its reported tree in its own or in a temporary file, which is no state of a queue.
    except:
      /^(queue|test\/queue|src\/watcher|test\/watcher)\/|^test\/world\/(database|fleet|state-before|state-by-hand)\.ts$/,
    example: "import Database from 'better-sqlite3';",
    instead: 'the Backend of queue/backend.ts',
  },
  {
    call: /\b(?:FROM|JOIN|INTO|UPDATE)\s+(?:jobs|gates|owners|counters|depths|durations|endings|feeds|history|samples|meta|wakes)\b/,
    where: /^src\//,
    example: 'const JOBS = `SELECT key FROM jobs WHERE feed = ?`;',
    instead: 'a verb of queue/backend.ts, or its view `all_jobs`: the tables of the queue are its own',
  },
  {
    call: /\bfrom 'bunyan'/,
    where: /^(queue|src)\//,
    except: /^src\/base\/telemetry\//,
    example: "import bunyan from 'bunyan';",
    instead: 'emit of src/base/telemetry',
  },
  {
    call: /\b(?:pkill|killall)\b/,
    where: /^(queue|src|bin|test|ops)\//,
    except: /^test\/tidy/,
    example: 'pkill -f ingest',
    instead: 'the pid of a process that was started here',
  },
  {
    call: /\bfrom 'node:timers\/promises'/,
    where: /^test\//,
    except: /^test\/world\/waiting\.ts$/,
    example: "import { setTimeout } from 'node:timers/promises';",
    instead: 'until() or world.event(): tests wait for what happens, not for time',
  },
];
