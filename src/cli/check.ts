import { Command } from 'commander';
import { check } from '../migrate/check.js';
import { HyperferryError } from '../postgres/error.js';
import { renderFindings } from '../report/findings.js';
import { terminalRenderer } from '../report/terminal.js';
import { EXIT } from './exit-codes.js';
import {
  cleanTargetFlag,
  jobsFlag,
  programsFlag,
  requiredUrl,
  rolePasswordsFlag,
  sourceFlag,
  targetFlag,
  updateSourceFlag,
  updateTargetAfterFlag,
} from './flags.js';

interface Flags {
  source?: string;
  target?: string;
  jobs?: number;
  pgBin?: string;
  rolePasswords: boolean;
  cleanTarget: boolean;
  updateSource: boolean;
  updateTargetAfter?: true | string;
  json: boolean;
}

export function checkCommand(): Command {
  return new Command('check')
    .description('Find out what stands in the way of a migration; changes nothing')
    .addOption(sourceFlag())
    .addOption(targetFlag())
    .addOption(jobsFlag())
    .addOption(programsFlag())
    .addOption(rolePasswordsFlag())
    .addOption(cleanTargetFlag())
    .addOption(updateSourceFlag())
    .addOption(updateTargetAfterFlag())
    .option('--json', 'print the findings as one JSON document', false)
    .addHelpText('after', '\nExit code 0: nothing stands in the way. 3: there are blockers.')
    .action(async (flags: Flags) => {
      try {
        const findings = await check({
          source: requiredUrl(flags.source, 'source'),
          target: requiredUrl(flags.target, 'target'),
          jobs: flags.jobs,
          programs: flags.pgBin,
          rolePasswords: flags.rolePasswords,
          cleanTarget: flags.cleanTarget,
          updateSource: flags.updateSource,
          updateTargetAfter: flags.updateTargetAfter,
        });
        process.stdout.write(
          flags.json ? `${JSON.stringify({ findings }, undefined, 2)}\n` : renderFindings(findings),
        );
        if (findings.some(({ severity }) => severity === 'blocker')) process.exitCode = EXIT.blocked;
      } catch (error) {
        if (error instanceof HyperferryError) terminalRenderer(process.stderr).failed(error);
        throw error;
      }
    });
}
