import { join } from 'node:path';
import { cleanEnvironment } from '../clean-environment.js';
import type { Course } from '../course.js';
import type { Usage } from '../measure.js';
import { runMeasured } from '../run-measured.js';
import type { Contender } from './contender.js';
import { madeOnce } from './made-once.js';

export interface Workers {
  readonly jobs: number;
  readonly processes: number;
}

export function hyperferryMigrate(verify: 'none' | 'checksums', workers: Workers): Contender {
  const flags = ['--verify', verify, ...flagsOf(workers)];
  return {
    name: `hyperferry migrate ${flags.join(' ')}`,
    isPeer: false,
    prepare: async (course) => () => hyperferry('migrate', [...flags, '--pg-bin', course.programs], course),
  };
}

export function hyperferryDump(verify: 'counts' | 'checksums', jobs: number): Contender {
  const flags = ['--verify', verify, ...flagsOf({ jobs, processes: 1 })];
  return {
    name: `hyperferry dump ${flags.join(' ')}`,
    isPeer: false,
    prepare: async (course) => () =>
      hyperferry('dump', [...flags, '--pg-bin', course.programs, '--out', course.dump], course),
  };
}

export function hyperferryRestore(verify: 'none' | 'checksums', workers: Workers): Contender {
  const flags = ['--verify', verify, ...flagsOf(workers)];
  return {
    name: `hyperferry restore ${flags.join(' ')}`,
    isPeer: false,
    prepare: async (course) => {
      const from = await dumpOfHyperferry(course);
      return () => hyperferry('restore', [...flags, '--from', from], course);
    },
  };
}

/** A dump with checksums, which all who restore it share. */
export function dumpOfHyperferry(course: Course): Promise<string> {
  return madeOnce(join(course.folder, 'dump-of-hyperferry'), (folder) =>
    hyperferry('dump', ['--pg-bin', course.programs, '--out', folder], course),
  );
}

function flagsOf({ jobs, processes }: Workers): string[] {
  return ['--jobs', String(jobs), ...(processes > 1 ? ['--processes', String(processes)] : [])];
}

/** The command line as built, as a user runs it. */
function hyperferry(
  command: string,
  flags: readonly string[],
  { source, target, programs }: Course,
): Promise<Usage> {
  return runMeasured(
    process.execPath,
    ['dist/src/cli/main.js', command, ...flags],
    cleanEnvironment(programs, { SOURCE: source, TARGET: target }),
  );
}
