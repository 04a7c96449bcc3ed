import { readFileSync } from 'node:fs';
import { Command } from 'commander';

/** In the order in which the help lists them. Each loads what it needs: all of them together take 0.15 s and 14 MB more. */
const COMMANDS: ReadonlyMap<string, () => Promise<Command>> = new Map([
  ['check', async () => (await import('./check.js')).checkCommand()],
  ['migrate', async () => (await import('./migrate.js')).migrateCommand()],
  ['worker', async () => (await import('./worker.js')).workerCommand()],
  ['status', async () => (await import('./status.js')).statusCommand()],
  ['clean', async () => (await import('./clean.js')).cleanCommand()],
  ['verify', async () => (await import('./verify.js')).verifyCommand()],
  ['dump', async () => (await import('./dump.js')).dumpCommand()],
  ['restore', async () => (await import('./restore.js')).restoreCommand()],
  ['inspect', async () => (await import('./inspect.js')).inspectCommand()],
  ['demo', async () => (await import('./demo.js')).demoCommand()],
]);

/**
 * The program with the command that is asked for; with all of them where none of these is. Errors are thrown, not exited on.
 *
 * @param asked the first argument
 */
export async function makeProgram(asked: string | undefined): Promise<Command> {
  const program = new Command('hyperferry')
    .description('Moves a TimescaleDB database to another server, whole, fast and proven equal')
    .version(packageVersion())
    .exitOverride()
    .configureHelp({ showGlobalOptions: true });
  const one = COMMANDS.get(asked ?? '');
  for (const make of one ? [one] : COMMANDS.values()) {
    program.addCommand((await make()).exitOverride());
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
