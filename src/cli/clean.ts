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
      showingFailure(terminalRenderer(process.stderr), async () => {
        const target = requiredUrl(flags.target, 'target');
        const { isRestoring } = await clean(target, { unfinished: flags.unfinished });
        if (isRestoring) process.stderr.write(STAYS_IN_RESTORE_MODE);
      }),
    );
}

const STAYS_IN_RESTORE_MODE = `note: the database stays in restore mode, in which hypertables do not work.
      To end it: SELECT timescaledb_post_restore();
`;
