#!/usr/bin/env node
import { CommanderError } from 'commander';
import { HyperferryError } from '../postgres/error.js';
import { EXIT, exitCodeOf } from './exit-codes.js';
import { collectOften } from './garbage-collection.js';
import { makeProgram } from './program.js';

/** Whoever reads may be gone before all is said, as `head` is: what is under way goes on, and ends in order. */
function surviveLostReaders(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') return;
    process.stderr.write(`error: stdout cannot be written: ${error.message}\n`);
    process.exitCode = EXIT.failed;
  });
  process.stderr.on('error', () => {});
}

/** Runs the command line; the process ends with the code that `exit-codes.ts` names. */
async function main(): Promise<number> {
  collectOften();
  try {
    const program = await makeProgram(process.argv[2]);
    await program.parseAsync(process.argv);
    return Number(process.exitCode ?? EXIT.done);
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
    if (error instanceof HyperferryError) return exitCodeOf(error);
    process.stderr.write(`error: ${error instanceof Error ? error.stack : String(error)}\n`);
    return EXIT.failed;
  }
}

surviveLostReaders();
process.exitCode = await main();
