import { Command } from 'commander';
import { type JoinOutcome, joinRun } from '../migrate/join.js';
import { jsonLinesRenderer } from '../report/json-lines.js';
import { terminalRenderer } from '../report/terminal.js';
import { countOf, formatBytes, formatSeconds } from '../report/units.js';
import { jobsFlag, logFormatFlag, requiredUrl, sourceFlag, targetFlag } from './flags.js';
import { withInterrupt } from './interrupt.js';
import { showingFailure } from './show-failure.js';

interface Flags {
  readonly source?: string;
  readonly target?: string;
  readonly jobs?: number;
  readonly json: boolean;
  readonly logFormat: 'text' | 'json';
}

export function workerCommand(): Command {
  return new Command('worker')
    .description('Help a migration that is under way, from this or another machine')
    .addOption(targetFlag())
    .addOption(sourceFlag())
    .addOption(jobsFlag('1'))
    .option('--json', 'print what was done as one JSON document on stdout', false)
    .addOption(logFormatFlag())
    .addHelpText(
      'after',
      '\nWithout --source, the address that the run names is taken, and the password from PGPASSWORD or ~/.pgpass.',
    )
    .action((flags: Flags) => {
      const renderer = flags.logFormat === 'json' ? jsonLinesRenderer() : terminalRenderer(process.stderr);
      return showingFailure(renderer, async () => {
        const outcome = await withInterrupt(flags.logFormat, (signal) =>
          joinRun({
            target: requiredUrl(flags.target, 'target'),
            // An empty variable names no database.
            source: flags.source || undefined,
            jobs: flags.jobs,
            signal,
            onEvent: (event) => renderer.show(event),
          }),
        );
        if (flags.logFormat === 'text') process.stderr.write(`${summary(outcome)}\n`);
        if (flags.json) process.stdout.write(`${JSON.stringify(outcome, undefined, 2)}\n`);
      });
    });
}

function summary({ source, target, relations, rows, bytes, seconds }: JoinOutcome): string {
  return [
    `Helped with ${source}`,
    `         to ${target}`,
    `            ${countOf(relations, 'relation')}, ${countOf(rows, 'row')}, ${formatBytes(bytes)} in ${formatSeconds(seconds)}; all tasks of the run are done`,
  ].join('\n');
}
