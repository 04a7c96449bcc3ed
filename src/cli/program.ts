import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { checkCommand } from './check.js';
import { cleanCommand } from './clean.js';
import { demoCommand } from './demo.js';
import { dumpCommand } from './dump.js';
import { inspectCommand } from './inspect.js';
import { migrateCommand } from './migrate.js';
import { restoreCommand } from './restore.js';
import { statusCommand } from './status.js';
import { verifyCommand } from './verify.js';
import { workerCommand } from './worker.js';

/** All commands. Errors are thrown, not exited on. */
export function makeProgram(): Command {
  const program = new Command('hyperferry')
    .description('Moves a TimescaleDB database to another server, whole, fast and proven equal')
    .version(packageVersion())
    .exitOverride()
    .configureHelp({ showGlobalOptions: true });
  const commands = [
    ...[checkCommand(), migrateCommand(), workerCommand(), statusCommand(), cleanCommand()],
    ...[verifyCommand(), dumpCommand(), restoreCommand(), inspectCommand(), demoCommand()],
  ];
  for (const command of commands) {
    program.addCommand(command.exitOverride());
  }
  return program;
}

/** `package.json` lies one folder higher for the built files, which stand under `dist/`. */
function packageVersion(): string {
  for (const path of ['../../package.json', '../../../package.json']) {
    try {
      return JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')).version;
    } catch {
      // the other one
    }
  }
  return 'unknown';
}
