import { Command, Option } from 'commander';
import { migrate } from '../migrate/migrate.js';
import { addMigrationFlags, type MigrationFlags, migrationOptions, wholeNumber } from './flags.js';
import { JOBS_RUN_AGAIN } from './interrupt.js';
import { addRunFlags, LEFT_BY_RUN, type RunFlags, runOptions, showingRun } from './run-flags.js';

interface Flags extends MigrationFlags, RunFlags {
  readonly cleanTarget: boolean;
  readonly jobWait: number;
  readonly onRewrite: 'stop' | 'retry';
}

export function migrateCommand(): Command {
  const command = new Command('migrate').description(
    'Move a database to an empty database on another server',
  );
  return addRunFlags(addMigrationFlags(command))
    .addOption(
      new Option('--on-rewrite <what>', 'when a relation is rewritten on the source during the copy')
        .choices(['stop', 'retry'])
        .default('stop'),
    )
    .option('--job-wait <seconds>', 'how long to wait for background jobs that run already', wholeNumber, 600)
    .addHelpText('after', '\nThe environment variables SOURCE and TARGET stand for --source and --target.')
    .action((flags: Flags) =>
      showingRun(
        flags,
        () => migrationOptions(flags).target,
        (shown) =>
          migrate({
            ...migrationOptions(flags),
            ...runOptions(flags),
            jobWait: flags.jobWait,
            onRewrite: flags.onRewrite,
            ...shown,
          }),
        `${LEFT_BY_RUN}\n${JOBS_RUN_AGAIN}`,
      ),
    );
}
