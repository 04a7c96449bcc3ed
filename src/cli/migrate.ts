import { writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline/promises';
import { Command, Option } from 'commander';
import { migrate } from '../migrate/migrate.js';
import { describeConnection, parseConnection } from '../postgres/connection-string.js';
import { HyperferryError } from '../postgres/error.js';
import { jsonLinesRenderer } from '../report/json-lines.js';
import { renderLeftOut } from '../report/left-out.js';
import type { Renderer } from '../report/renderer.js';
import { terminalRenderer } from '../report/terminal.js';
import {
  cleanTargetFlag,
  collect,
  jobsFlag,
  programsFlag,
  requiredUrl,
  rolePasswordsFlag,
  sourceFlag,
  targetFlag,
  updateSourceFlag,
  updateTargetAfterFlag,
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
  roleMap: string[];
  verify: 'none' | 'counts' | 'checksums';
  updateSource: boolean;
  updateTargetAfter?: true | string;
  leftOut?: string;
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
    .addOption(rolePasswordsFlag())
    .option(
      '--role-map <old=new>',
      'give what a role owns to another; may be given several times',
      collect,
      [],
    )
    .addOption(updateSourceFlag())
    .addOption(updateTargetAfterFlag())
    .option('--left-out <file>', 'write the SQL of what was left out to a file, for an administrator')
    .addOption(
      new Option('--verify <how>', 'what is compared before background jobs may change the target')
        .choices(['none', 'counts', 'checksums'])
        .default('checksums'),
    )
    .option('--no-owner', 'do not carry owners over')
    .option('--no-privileges', 'do not carry grants over')
    .addOption(cleanTargetFlag())
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
      roleMap: parseRoleMap(flags.roleMap),
      verify: flags.verify,
      updateSource: flags.updateSource,
      updateTargetAfter: flags.updateTargetAfter,
      signal,
      onEvent: (event) => renderer.show(event),
    }),
  );
  renderer.finished(outcome);
  if (flags.leftOut) await writeFile(flags.leftOut, renderLeftOut(outcome.leftOut), { mode: 0o600 });
  if (flags.json) process.stdout.write(`${JSON.stringify(outcome, undefined, 2)}\n`);
}

/** Pairs of `old=new`. */
function parseRoleMap(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const [old, renamed, ...rest] = pair.split('=');
      if (!old || !renamed || rest.length > 0) {
        throw new HyperferryError('USAGE', `expected --role-map old=new, but ${pair} came`);
      }
      return [old, renamed];
    }),
  );
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
