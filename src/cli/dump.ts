import { Command, InvalidArgumentError, Option } from 'commander';
import { dump } from '../archive/dump.js';
import { leftByDump } from '../archive/dump-folder.js';
import type { Compression, CompressionAlgorithm } from '../postgres/archive/archive-header.js';
import { dumpSummary } from '../report/dump-lines.js';
import { jsonLinesRenderer } from '../report/json-lines.js';
import { terminalRenderer } from '../report/terminal.js';
import { collect, jobsFlag, logFormatFlag, requiredUrl, sourceFlag, wholeNumber } from './flags.js';
import { collectByStage } from './garbage-collection.js';
import { JOBS_RUN_AGAIN, withInterrupt } from './interrupt.js';
import { showingFailure } from './show-failure.js';

interface Flags {
  readonly source?: string;
  readonly out: string;
  readonly format: 'archive' | 'plain';
  readonly compress?: Compression;
  readonly jobs?: number;
  readonly pgBin?: string;
  readonly rolePasswords: boolean;
  readonly jobWait: number;
  readonly verify: 'counts' | 'checksums';
  readonly skipCheck: string[];
  readonly json: boolean;
  readonly logFormat: 'text' | 'json';
}

export function dumpCommand(): Command {
  return new Command('dump')
    .description('Dump a database into a folder that pg_restore and hyperferry restore read')
    .addOption(sourceFlag())
    .requiredOption('--out <folder>', 'the folder to make')
    .addOption(
      new Option('--format <format>', "PostgreSQL's directory archive, or dump.sql for psql")
        .choices(['archive', 'plain'])
        .default('archive'),
    )
    .addOption(
      new Option(
        '--compress <method[:level]>',
        'none, gzip, lz4 or zstd, as pg_dump takes it (default: gzip)',
      ).argParser(compression),
    )
    .addOption(jobsFlag('one a core, as the source has room'))
    .option('--pg-bin <folder>', 'folder of pg_dump (default: PATH and the usual places)')
    .option('--role-passwords', 'put the stored forms of role passwords into roles.sql', false)
    .option('--job-wait <seconds>', 'how long to wait for background jobs that run already', wholeNumber, 600)
    .addOption(
      new Option('--verify <how>', 'what is noted of rows, for a later comparison')
        .choices(['counts', 'checksums'])
        .default('checksums'),
    )
    .option('--skip-check <id>', 'go on in spite of a blocker; may be given several times', collect, [])
    .option('--json', 'print the outcome as one JSON document on stdout', false)
    .addOption(logFormatFlag())
    .addHelpText('after', '\nThe environment variable SOURCE stands for --source.')
    .action((flags: Flags) => {
      const jsonLines = flags.logFormat === 'json' ? jsonLinesRenderer() : undefined;
      const renderer = jsonLines ?? terminalRenderer(process.stderr);
      return showingFailure(renderer, async () => {
        const run = (signal: AbortSignal) =>
          dump({
            source: requiredUrl(flags.source, 'source'),
            out: flags.out,
            format: flags.format,
            compression: flags.compress,
            jobs: flags.jobs,
            programs: flags.pgBin,
            rolePasswords: flags.rolePasswords,
            jobWait: flags.jobWait,
            verify: flags.verify,
            skipChecks: flags.skipCheck,
            signal,
            onEvent: (event) => {
              collectByStage(event);
              renderer.show(event);
            },
          });
        const outcome = await withInterrupt(flags.logFormat, run, () =>
          [leftByDump(flags.out), JOBS_RUN_AGAIN].filter((line) => line !== undefined).join('\n'),
        );
        if (jsonLines) jsonLines.dumped(outcome);
        else process.stderr.write(dumpSummary(outcome));
        if (flags.json) process.stdout.write(`${JSON.stringify(outcome, undefined, 2)}\n`);
      });
    });
}

const LEVELS: Record<CompressionAlgorithm, readonly [lowest: number, highest: number] | undefined> = {
  none: undefined,
  gzip: [1, 9],
  lz4: [1, 12],
  zstd: [1, 22],
};

/** `gzip`, `zstd:9`; a number alone is a level of gzip, and 0 is no compression, as for `pg_dump --compress`. */
function compression(text: string): Compression {
  if (text === '0') return { algorithm: 'none' };
  const method = /^\d+$/.test(text) ? `gzip:${text}` : text;
  const [, name, digits] = /^([a-z0-9]+)(?::(\d+))?$/.exec(method) ?? [];
  const algorithm = (['none', 'gzip', 'lz4', 'zstd'] as const).find((one) => one === name);
  const range = algorithm && LEVELS[algorithm];
  const level = digits === undefined ? undefined : Number(digits);
  const isLevel = level === undefined || (range && level >= range[0] && level <= range[1]);
  if (!algorithm || !isLevel)
    throw new InvalidArgumentError(
      'Expected none, gzip, lz4 or zstd, with a level behind a colon: gzip:1 to 9, lz4:1 to 12, zstd:1 to 22.',
    );
  return level === undefined ? { algorithm } : { algorithm, level };
}
