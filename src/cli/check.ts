import { Command } from 'commander';
import type { Event } from '../engine/events.js';
import { check } from '../migrate/check.js';
import { renderFindings } from '../report/findings.js';
import { terminalRenderer } from '../report/terminal.js';
import { EXIT } from './exit-codes.js';
import { addMigrationFlags, type MigrationFlags, migrationOptions } from './flags.js';
import { addOwnerFlags, type OwnerFlags, ownerOptions } from './owner-flags.js';
import { showingFailure } from './show-failure.js';

interface Flags extends MigrationFlags, OwnerFlags {
  readonly json: boolean;
}

export function checkCommand(): Command {
  return addOwnerFlags(
    addMigrationFlags(
      new Command('check').description('Find out what stands in the way of a migration; changes nothing'),
    ),
  )
    .option('--json', 'print the findings as one JSON document', false)
    .addHelpText('after', '\nExit code 0: nothing stands in the way. 3: there are blockers.')
    .action((flags: Flags) => {
      const renderer = terminalRenderer(process.stderr);
      return showingFailure(renderer, async () => {
        const onEvent = (event: Event): void => renderer.show(event);
        const findings = await check({ ...migrationOptions(flags), ...ownerOptions(flags), onEvent });
        process.stdout.write(
          flags.json ? `${JSON.stringify({ findings }, undefined, 2)}\n` : renderFindings(findings),
        );
        if (findings.some(({ severity }) => severity === 'blocker')) process.exitCode = EXIT.blocked;
      });
    });
}
