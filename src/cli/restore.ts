import { Command } from 'commander';
import { restore } from '../archive/restore.js';
import { jobsFlag, requiredUrl, targetFlag } from './flags.js';
import { addRunFlags, type RunFlags, runOptions, showingRun } from './run-flags.js';

interface Flags extends RunFlags {
  readonly from: string;
  readonly target?: string;
  readonly jobs?: number;
  readonly only?: string[];
  readonly schemaOnly: boolean;
  readonly dataOnly: boolean;
  readonly checkFiles: boolean;
  readonly rolePasswords: boolean;
  readonly updateTargetAfter?: true | string;
}

export function restoreCommand(): Command {
  const command = new Command('restore')
    .description('Restore a dump into an empty database')
    .requiredOption(
      '--from <folder>',
      'the dump: a folder of hyperferry dump, or an archive of pg_dump -Fd or -Fc',
    )
    .addOption(targetFlag())
    .addOption(jobsFlag('one a core, as the target has room'))
    .option('--only <table...>', 'restore only these tables and hypertables, and what belongs to them')
    .option('--schema-only', 'restore definitions without rows', false)
    .option('--data-only', 'restore rows into definitions that stand', false)
    .option('--check-files', 'compare the checksum of every file before anything is changed', false)
    .option('--role-passwords', 'bring the stored forms of role passwords that the dump holds', false)
    .option('--clean-target', 'drop all that is in the target database first', false)
    .option('--update-target-after [version]', "update the target's TimescaleDB at the end");
  return addRunFlags(command)
    .addHelpText('after', '\nThe environment variable TARGET stands for --target.')
    .action((flags: Flags) => {
      const target = (): string => requiredUrl(flags.target, 'target');
      return showingRun(flags, target, (shown) =>
        restore({
          ...runOptions(flags),
          from: flags.from,
          target: target(),
          only: flags.only,
          schemaOnly: flags.schemaOnly,
          dataOnly: flags.dataOnly,
          jobs: flags.jobs,
          checkFiles: flags.checkFiles,
          rolePasswords: flags.rolePasswords,
          updateTargetAfter: flags.updateTargetAfter,
          ...shown,
        }),
      );
    });
}
