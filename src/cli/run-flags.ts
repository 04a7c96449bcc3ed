import { open, writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline/promises';
import { type Command, Option } from 'commander';
import type { RunOptions } from '../migrate/options.js';
import type { Outcome } from '../migrate/outcome.js';
import { describeConnection, parseConnection } from '../postgres/connection-string.js';
import { HyperferryError } from '../postgres/error.js';
import { jsonLinesRenderer } from '../report/json-lines.js';
import { renderLeftOut } from '../report/left-out.js';
import type { Renderer } from '../report/renderer.js';
import { terminalRenderer } from '../report/terminal.js';
import { EXIT } from './exit-codes.js';
import { collect, logFormatFlag, wholeNumber } from './flags.js';
import { collectByStage } from './garbage-collection.js';
import { withInterrupt } from './interrupt.js';
import { addOwnerFlags, type OwnerFlags, ownerOptions } from './owner-flags.js';
import { showingFailure } from './show-failure.js';

/** What every run is asked that brings a database to a target. */
export interface RunFlags extends OwnerFlags {
  readonly processes?: number;
  readonly skipCheck: string[];
  readonly verify: 'none' | 'counts' | 'checksums';
  readonly leftOut?: string;
  readonly cleanTarget: boolean;
  readonly yes: boolean;
  readonly resume: boolean;
  readonly keepLedger: boolean;
  readonly json: boolean;
  readonly logFormat: 'text' | 'json';
}

export function addRunFlags(command: Command): Command {
  return addOwnerFlags(command)
    .option('--processes <n>', 'processes that the workers are spread over (default: 1)', wholeNumber)
    .option('--yes', 'do not ask before dropping', false)
    .option('--skip-check <id>', 'go on in spite of a blocker; may be given several times', collect, [])
    .addOption(
      new Option('--verify <how>', 'what is compared before background jobs may change the target')
        .choices(['none', 'counts', 'checksums'])
        .default('checksums'),
    )
    .option('--resume', 'go on with a run that did not finish', false)
    .option('--keep-ledger', 'keep the schema _hyperferry on the target when all is done', false)
    .option('--left-out <file>', 'write the SQL of what was left out to a file, for an administrator')
    .option('--json', 'print the outcome as one JSON document on stdout', false)
    .addOption(logFormatFlag());
}

/** What the flags say, but for the target. */
export function runOptions(flags: RunFlags): Omit<RunOptions, 'target'> {
  return {
    processes: flags.processes,
    ...ownerOptions(flags),
    cleanTarget: flags.cleanTarget,
    resume: flags.resume,
    keepLedger: flags.keepLedger,
    skipChecks: flags.skipCheck,
    verify: flags.verify,
  };
}

/** Where it could not end in order, it cannot say what state the target is in. */
export const LEFT_BY_RUN =
  'The target may be half done: hyperferry status says how far it came, and the same command with --resume goes on.';

/**
 * Runs what brings a database to a target, and shows how it goes.
 * @param left what people should know where it cannot end in order
 */
export async function showingRun(
  flags: RunFlags,
  target: () => string,
  run: (shown: Pick<RunOptions, 'signal' | 'onEvent'>) => Promise<Outcome>,
  left: string = LEFT_BY_RUN,
): Promise<void> {
  const renderer: Renderer =
    flags.logFormat === 'json' ? jsonLinesRenderer() : terminalRenderer(process.stderr);
  await showingFailure(renderer, async () => {
    if (flags.resume && flags.cleanTarget) {
      throw new HyperferryError('USAGE', 'expected --resume or --clean-target, but both came', {
        hint: '--resume goes on with what the target holds; --clean-target drops it and starts over.',
      });
    }
    if (flags.leftOut) await expectWritable(flags.leftOut);
    if (flags.cleanTarget && !flags.yes) await confirmCleaning(target());
    const shownRun = (signal: AbortSignal): Promise<Outcome> =>
      run({
        signal,
        onEvent: (event) => {
          collectByStage(event);
          renderer.show(event);
        },
      });
    const outcome = await withInterrupt(flags.logFormat, shownRun, () => left);
    renderer.finished(outcome);
    if (flags.leftOut) await writeLeftOut(flags.leftOut, outcome, renderer);
    if (flags.json) process.stdout.write(`${JSON.stringify(outcome, undefined, 2)}\n`);
  });
}

/** Before the run: after it, there would be nowhere to write what was left out. */
async function expectWritable(path: string): Promise<void> {
  try {
    await (await open(path, 'a', 0o600)).close();
  } catch (error) {
    throw new HyperferryError(
      'USAGE',
      `expected a file that can be written for --left-out, but ${path} cannot: ${(error as Error).message}`,
    );
  }
}

/** A full disk is no failure of the run: it is complete, and what the file would hold is shown. */
async function writeLeftOut(path: string, { leftOut }: Outcome, renderer: Renderer): Promise<void> {
  const sql = renderLeftOut(leftOut);
  try {
    await writeFile(path, sql, { mode: 0o600 });
  } catch (error) {
    renderer.show({
      type: 'notice',
      message: `the run is complete, but what it left out could not be written to ${path}: ${(error as Error).message}. It is:\n${sql}`,
    });
    process.exitCode = EXIT.failed;
  }
}

/** Asks for the database's name, so that nobody drops one by pressing a key. */
async function confirmCleaning(target: string): Promise<void> {
  const connection = parseConnection(target);
  if (!process.stdin.isTTY) {
    throw new HyperferryError(
      'USAGE',
      '--clean-target asks before it drops, but there is no terminal to ask on',
      {
        hint: 'Add --yes to drop without being asked.',
      },
    );
  }
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await prompt.question(
      `All that is in ${describeConnection(connection)} will be dropped. Type the database's name to go on: `,
    );
    if (answer.trim() !== connection.database) {
      throw new HyperferryError('USAGE', `expected ${connection.database}, so nothing was dropped`);
    }
  } finally {
    prompt.close();
  }
}
