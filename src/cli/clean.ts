import { Command } from 'commander';
import { clean } from '../migrate/status.js';
import { terminalRenderer } from '../report/terminal.js';
import { requiredUrl, targetFlag } from './flags.js';
import { showingFailure } from './show-failure.js';

interface Flags {
  readonly target?: string;
  readonly unfinished: boolean;
}

export function cleanCommand(): Command {
  return new Command('clean')
    .description("Remove the ledger of a migration, the target's schema _hyperferry, and nothing else")
    .addOption(targetFlag())
    .option('--unfinished', 'also that of a run that did not finish: nobody can go on with it then', false)
    .action((flags: Flags) =>
      showingFailure(terminalRenderer(process.stderr), () =>
        clean(requiredUrl(flags.target, 'target'), { unfinished: flags.unfinished }),
      ),
    );
}
