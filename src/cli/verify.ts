import { Command, InvalidArgumentError, Option } from 'commander';
import { namesDump, verifyDump } from '../archive/verify-dump.js';
import type { Event } from '../engine/events.js';
import { HyperferryError } from '../postgres/error.js';
import {
  type VerificationRenderer,
  verificationJsonLines,
  verificationTerminal,
} from '../report/verification-renderer.js';
import type { Verification, VerifyMode } from '../verify/verification.js';
import { verify } from '../verify/verify.js';
import { EXIT } from './exit-codes.js';
import { jobsFlag, logFormatFlag, requiredUrl, sourceFlag, targetFlag } from './flags.js';
import { withInterrupt } from './interrupt.js';
import { showingFailure } from './show-failure.js';

interface Flags {
  source?: string;
  target?: string;
  mode: VerifyMode;
  logical: boolean;
  tables?: string;
  since?: string;
  until?: string;
  jobs?: number;
  rows: number;
  json: boolean;
  logFormat: 'text' | 'json';
}

export function verifyCommand(): Command {
  return new Command('verify')
    .description(
      'Prove two databases, or a dump and a database, equal, or show what differs; changes nothing',
    )
    .addOption(sourceFlag('the database that is the standard, or the folder of a dump of it'))
    .addOption(targetFlag('the database to compare with it'))
    .addOption(
      new Option('--mode <mode>', 'compare the numbers of rows alone, or a checksum over every column')
        .choices(['counts', 'checksums'])
        .default('checksums'),
    )
    .option('--logical', 'compare tables and hypertables through SQL, whatever their chunks are', false)
    .option('--tables <pattern>', 'only rows of the tables of this name; * and ? stand for any')
    .option('--since <time>', 'only rows of hypertables from this time on; means --logical')
    .option('--until <time>', 'only rows of hypertables before this time; means --logical')
    .addOption(jobsFlag())
    .option('--rows <n>', 'how many differing rows of a relation are shown', count, 10)
    .option('--json', 'print the whole result as one JSON document on stdout', false)
    .addOption(logFormatFlag())
    .addHelpText('after', '\nExit code 0: equal. 4: different. 1: it could not be told.')
    .action((flags: Flags) => {
      const renderer =
        flags.logFormat === 'json' ? verificationJsonLines() : verificationTerminal(process.stderr);
      return showingFailure(renderer, async () => {
        const { equal } = await run(flags, renderer);
        if (!equal) process.exitCode = EXIT.different;
      });
    });
}

async function run(flags: Flags, renderer: VerificationRenderer): Promise<Verification> {
  const source = requiredUrl(flags.source, 'source');
  const target = requiredUrl(flags.target, 'target');
  const isDump = await namesDump(source);
  if (isDump) refuseForDump(flags);
  const verification = await withInterrupt(flags.logFormat, (signal) => {
    const options = {
      source,
      target,
      mode: flags.mode,
      tables: flags.tables,
      jobs: flags.jobs,
      signal,
      onEvent: (event: Event) => renderer.show(event),
    };
    return isDump
      ? verifyDump(options)
      : verify({
          ...options,
          logical: flags.logical,
          since: flags.since,
          until: flags.until,
          rows: flags.rows,
        });
  });
  renderer.finished(verification);
  if (flags.json) process.stdout.write(`${JSON.stringify(verification, undefined, 2)}\n`);
  return verification;
}

/** @throws HyperferryError `USAGE` for what only a database can be asked */
function refuseForDump({ source, logical, since, until }: Flags): void {
  const asked = [
    ...(logical ? ['--logical'] : []),
    ...(since === undefined ? [] : ['--since']),
    ...(until === undefined ? [] : ['--until']),
  ];
  if (asked.length === 0) return;
  throw new HyperferryError(
    'USAGE',
    `expected a database as the source for ${asked.join(' and ')}, but ${source} is a dump: it has one sum for each table and chunk, and none for ranges of rows`,
    { hint: `Leave ${asked.join(' and ')} away, or restore the dump and compare with that database.` },
  );
}

function count(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0)
    throw new InvalidArgumentError('Expected a whole number from 0.');
  return value;
}
