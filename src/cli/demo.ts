import { Command } from 'commander';
import { SandboxError, type Server, startServer, stopServer } from '../../sandbox/index.js';
import { migrate } from '../migrate/migrate.js';
import type { Outcome } from '../migrate/outcome.js';
import { HyperferryError } from '../postgres/error.js';
import { terminalRenderer } from '../report/terminal.js';
import { formatSeconds } from '../report/units.js';
import { countRows, countTable, isEqual } from './demo-counts.js';
import { makeEmptyDatabase, makeSampleDatabase } from './demo-database.js';
import { withInterrupt } from './interrupt.js';

const SOURCE = 'demo-source';
const TARGET = 'demo-target';
const DATABASE = 'demo';

export function demoCommand(): Command {
  return new Command('demo')
    .description('Show a migration: two throwaway servers, a million rows')
    .option('--clean', 'stop both servers and delete their data', false)
    .action(async ({ clean }: { clean: boolean }) => {
      try {
        await (clean ? removeServers() : runDemo());
      } catch (error) {
        const known = error instanceof SandboxError ? fromSandbox(error) : error;
        if (known instanceof HyperferryError) terminalRenderer(process.stderr).failed(known);
        throw known;
      }
    });
}

async function runDemo(): Promise<void> {
  const { source, target } = await startServers();
  note('Making the sample database');
  const begun = performance.now();
  const from = await makeSampleDatabase(source.url, DATABASE);
  const to = await makeEmptyDatabase(target.url, DATABASE);
  note(`  made in ${formatSeconds((performance.now() - begun) / 1000)}`);
  note('Migrating it');
  const outcome = await migrateSample(from, to, target.binFolder);
  await report(outcome, from, to, target.binFolder);
}

/** Those that a demo before this one left running serve again. */
async function startServers(): Promise<{ source: Server; target: Server }> {
  const source = await startServer({ name: SOURCE, progress: note });
  const target = await startServer({ name: TARGET, progress: note });
  return { source, target };
}

async function removeServers(): Promise<void> {
  for (const name of [SOURCE, TARGET]) await stopServer(name);
  note(`${SOURCE} and ${TARGET} are stopped, and their data is deleted`);
}

async function migrateSample(source: string, target: string, programs: string): Promise<Outcome> {
  const renderer = terminalRenderer(process.stderr);
  try {
    return await withInterrupt('text', (signal) =>
      migrate({ source, target, programs, signal, onEvent: (event) => renderer.show(event) }),
    );
  } catch (error) {
    if (!(error instanceof HyperferryError)) throw error;
    // The hint of a migration is about a database that one wants to keep; the demo makes both anew.
    throw new HyperferryError(error.code, error.message, {
      cause: error,
      hint: `Begin anew: ${typed('')}\nRemove both servers: ${typed(' --clean')}`,
    });
  }
}

/** @throws HyperferryError when a relation has not the same number of rows on both sides */
async function report(outcome: Outcome, source: string, target: string, programs: string): Promise<void> {
  const counts = await countRows(source, target);
  terminalRenderer(process.stdout).finished(outcome);
  print('', ...countTable(counts));
  print(
    ...['', 'Both servers run on. Look at them:'],
    ...[`  ${programs}/psql ${source}`, `  ${programs}/psql ${target}`],
    ...['Remove them:', `  ${typed(' --clean')}`],
  );
  const different = counts.filter((row) => !isEqual(row)).map(({ relation }) => relation);
  if (different.length === 0) return;
  throw new HyperferryError(
    'INTERNAL',
    `expected as many rows on the target as on the source, but these differ: ${different.join(', ')}`,
  );
}

/** The demo's command line as one would type it where this process was started. */
function typed(flags: string): string {
  if (process.env.npm_lifecycle_event === 'demo') return `npm run demo${flags && ` --${flags}`}`;
  return `${process.env.npm_command === 'exec' ? 'npx ' : ''}hyperferry demo${flags}`;
}

function fromSandbox(error: SandboxError): HyperferryError {
  return new HyperferryError('UNSUITABLE', error.message, {
    cause: error,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
  });
}

function note(text: string): void {
  process.stderr.write(`${text}\n`);
}

function print(...lines: string[]): void {
  for (const line of lines) process.stdout.write(`${line}\n`);
}
