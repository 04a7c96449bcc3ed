import { Command } from 'commander';
import { status } from '../migrate/status.js';
import { statusLines } from '../report/status-lines.js';
import { terminalRenderer } from '../report/terminal.js';
import { requiredUrl, targetFlag } from './flags.js';
import { showingFailure } from './show-failure.js';

interface Flags {
  readonly target?: string;
  readonly json: boolean;
}

export function statusCommand(): Command {
  return new Command('status')
    .description('Show how far the migration to a target is; changes nothing')
    .addOption(targetFlag())
    .option('--json', 'print it as one JSON document', false)
    .action((flags: Flags) =>
      showingFailure(terminalRenderer(process.stderr), async () => {
        const found = await status(requiredUrl(flags.target, 'target'));
        process.stdout.write(
          flags.json ? `${JSON.stringify(found, undefined, 2)}\n` : `${statusLines(found).join('\n')}\n`,
        );
      }),
    );
}
