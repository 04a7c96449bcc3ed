import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import {
  clientBinFolder,
  type Edition,
  listServers,
  type PostgresMajor,
  SandboxError,
  startServer,
  stopServer,
} from './index.js';

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

interface ProgramFlags {
  readonly postgres?: '17' | '18';
  readonly edition: Edition;
}

interface StartFlags extends ProgramFlags {
  readonly port?: number;
  readonly set: Record<string, string>;
}

await main();

async function main(): Promise<void> {
  try {
    await sandboxCommand().parseAsync();
  } catch (error) {
    process.exitCode = report(error);
  }
}

function sandboxCommand(): Command {
  const program = new Command('sandbox')
    .description('Throwaway TimescaleDB servers, without Docker and without root')
    .exitOverride();

  withProgramFlags(program.command('start'))
    .description('start a server and print its connection URL; its name may run already')
    .argument('<name>')
    .option('--port <port>', 'a free port by default', port)
    .option('--set <key=value>', 'a PostgreSQL setting; may be repeated', setting, {})
    .action(async (name: string, flags: StartFlags) => {
      const server = await startServer({
        name,
        settings: flags.set,
        progress,
        ...(flags.port === undefined ? {} : { port: flags.port }),
        ...programOptions(flags),
      });
      print(server.url);
    });

  program
    .command('stop')
    .description('end a server, or all of them, and delete its data')
    .argument('[name]')
    .option('--all', 'every server')
    .action(stop);

  program
    .command('list')
    .description('print name, state, version, edition and URL of each server')
    .action(async () => {
      for (const { name, state, postgres, edition, url } of await listServers()) {
        print([name, state, `postgres-${postgres}`, edition, url].join('\t'));
      }
    });

  withProgramFlags(program.command('bin'))
    .description('print the folder of the PostgreSQL programs')
    .action(async (flags: ProgramFlags) => {
      const { postgres, edition } = programOptions(flags);
      print(await clientBinFolder(postgres, edition, progress));
    });

  return program;
}

function withProgramFlags(command: Command): Command {
  return command
    .addOption(new Option('--postgres <major>', 'PostgreSQL version, 17 by default').choices(['17', '18']))
    .addOption(
      new Option('--edition <edition>', 'of TimescaleDB').choices(['apache', 'community']).default('apache'),
    );
}

function programOptions({ postgres, edition }: ProgramFlags): { postgres?: PostgresMajor; edition: Edition } {
  return postgres === undefined ? { edition } : { postgres: postgres === '17' ? 17 : 18, edition };
}

async function stop(name: string | undefined, flags: { all?: true }, command: Command): Promise<void> {
  if ((name === undefined) !== (flags.all === true)) {
    command.error('error: expected either the name of a server or --all');
  }
  const names = name === undefined ? (await listServers()).map((server) => server.name) : [name];
  for (const each of names) {
    progress(`Stopping "${each}"`);
    await stopServer(each);
  }
}

function port(text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number > 0 && number < 65_536) return number;
  throw new InvalidArgumentError('Expected a whole number from 1 to 65535.');
}

function setting(text: string, before: Record<string, string>): Record<string, string> {
  const [, key, value] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
  if (key === undefined || value === undefined) throw new InvalidArgumentError('Expected key=value.');
  return { ...before, [key]: value };
}

function report(error: unknown): number {
  // Commander has printed its own message; help and the like are no failure.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE;
  if (!(error instanceof SandboxError)) throw error;
  progress(`error: ${error.message}`);
  if (error.hint !== undefined) progress(`hint: ${error.hint}`);
  return ['INVALID_NAME', 'INVALID_SETTING'].includes(error.code) ? EXIT_USAGE : EXIT_FAILED;
}

function progress(message: string): void {
  process.stderr.write(`${message}\n`);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
