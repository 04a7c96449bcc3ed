import { Command } from 'commander';
import { inspect } from '../archive/inspect.js';
import { inspectionLines } from '../report/inspection-lines.js';
import { ProgressLine } from '../report/progress-line.js';
import { terminalRenderer } from '../report/terminal.js';
import { formatBytes } from '../report/units.js';
import { EXIT } from './exit-codes.js';
import { jobsFlag } from './flags.js';
import { withInterrupt } from './interrupt.js';
import { showingFailure } from './show-failure.js';

interface Flags {
  readonly verify: boolean;
  readonly jobs?: number;
  readonly json: boolean;
}

export function inspectCommand(): Command {
  return new Command('inspect')
    .description('Show what is in a dump, or prove its files; needs no server, changes nothing')
    .argument('<dump>', 'a folder of hyperferry dump, or an archive of pg_dump -Fd or -Fc')
    .option('--verify', 'compare presence, size and SHA-256 of every file with the manifest', false)
    .addOption(jobsFlag('one a core', 'files compared at a time'))
    .option('--json', 'print it as one JSON document', false)
    .addHelpText(
      'after',
      '\nExit code 0: done. 4: files are not as they were written. 1: it is no dump that can be read.',
    )
    .action((from: string, flags: Flags) => {
      const progress = new ProgressLine(process.stderr);
      const renderer = terminalRenderer(process.stderr);
      return showingFailure(renderer, async () => {
        const inspection = await withInterrupt('text', (signal) =>
          inspect({
            from,
            verify: flags.verify,
            jobs: flags.jobs,
            signal,
            onPlanned: (bytes) => progress.begin(bytes),
            onCompared: (bytes) => progress.advance(bytes, undefined, (speed) => `, ${formatBytes(speed)}/s`),
          }),
        ).finally(() => progress.clear());
        process.stdout.write(
          flags.json
            ? `${JSON.stringify(inspection, undefined, 2)}\n`
            : `${inspectionLines(inspection).join('\n')}\n`,
        );
        const isWrong = inspection.madeBy === 'hyperferry' && inspection.comparison?.intact === false;
        if (isWrong) process.exitCode = EXIT.different;
      });
    });
}
