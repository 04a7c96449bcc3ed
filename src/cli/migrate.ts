import { createInterface } from 'node:readline/promises';
import { Command, Option } from 'commander';
import { migrate } from '../migrate/migrate.js';
import { describeConnection, parseConnection } from '../postgres/connection-string.js';
import { HyperferryError } from '../postgres/error.js';
import { jsonLinesRenderer } from '../report/json-lines.js';
import type { Renderer } from '../report/renderer.js';
import { terminalRenderer } from '../report/terminal.js';
import {
  collect,
  jobsFlag,
  programsFlag,
  requiredUrl,
  sourceFlag,
  targetFlag,
  wholeNumber,
} from './flags.js';
import { withInterrupt } from './interrupt.js';

interface Flags {
  source?: string;
  target?: string;
  jobs?: number;
  pgBin?: string;
  skipCheck: string[];
  rolePasswords: boolean;
  owner: boolean;
  privileges: boolean;
  cleanTarget: boolean;
  yes: boolean;
  jobWait: number;
  json: boolean;
  logFormat: 'text' | 'json';
}

export function migrateCommand(): Command {
  return new Command('migrate')
    .description('Move a database to an empty database on another server')
    .addOption(sourceFlag())
    .addOption(targetFlag())
    .addOption(jobsFlag())
    .addOption(programsFlag())
    .option('--skip-check <id>', 'go on in spite of a blocker; may be given several times', collect, [])
    .option('--role-passwords', 'carry the stored forms of role passwords over', false)
    .option('--no-owner', 'do not carry owners over')
    .option('--no-privileges', 'do not carry grants over')
    .option('--clean-target', 'drop all that is in the target database first', false)
    .option('--yes', 'do not ask before dropping', false)
    .option('--job-wait <seconds>', 'how long to wait for background jobs that run already', wholeNumber, 600)
    .option('--json', 'print the outcome as one JSON document on stdout', false)
    .addOption(
      new Option('--log-format <format>', 'how events are written to stderr')
        .choices(['text', 'json'])
        .default('text'),
    )
    .addHelpText('after', '\nThe environment variables SOURCE and TARGET stand for --source and --target.')
    .action(async (flags: Flags) => {
      const renderer = flags.logFormat === 'json' ? jsonLinesRenderer() : terminalRenderer(process.stderr);
      try {
        await run(flags, renderer);
      } catch (error) {
        if (error instanceof HyperferryError) renderer.failed(error);
        throw error;
      }
    });
}

async function run(flags: Flags, renderer: Renderer): Promise<void> {
  const source = requiredUrl(flags.source, 'source');
  const target = requiredUrl(flags.target, 'target');
  if (flags.cleanTarget && !flags.yes) await confirmCleaning(target);
  const outcome = await withInterrupt((signal) =>
    migrate({
      source,
      target,
      jobs: flags.jobs,
      programs: flags.pgBin,
      rolePasswords: flags.rolePasswords,
      owners: flags.owner,
      privileges: flags.privileges,
      cleanTarget: flags.cleanTarget,
      jobWait: flags.jobWait,
      skipChecks: flags.skipCheck,
      signal,
      onEvent: (event) => renderer.show(event),
    }),
  );
  renderer.finished(outcome);
  if (flags.json) process.stdout.write(`${JSON.stringify(outcome, undefined, 2)}\n`);
}

/** Asks for the database's name, so that nobody drops one by pressing a key. */
async function confirmCleaning(target: string): Promise<void> {
  const connection = parseConnection(target);
  if (!process.stdin.isTTY) {
    throw new HyperferryError(
      'USAGE',
      '--clean-target asks before it drops, but there is no terminal to ask on',
      {
        hint: 'Add --yes to drop without being asked.',
      },
    );
  }
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await prompt.question(
      `All that is in ${describeConnection(connection)} will be dropped. Type the database's name to go on: `,
    );
    if (answer.trim() !== connection.database) {
      throw new HyperferryError('USAGE', `expected ${connection.database}, so nothing was dropped`);
    }
  } finally {
    prompt.close();
  }
}
