import { chmod, mkdir, readdir, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { dump, restore } from '../../src/index.js';
import { dumpSummary } from '../../src/report/dump-lines.js';
import { makeReadings } from '../bad-input/readings.js';
import { hyperferry } from '../cli/command-line.js';
import { expectEqualDatabases } from '../integration/compare/databases.js';
import { type Databases, makeDatabaseBeside } from '../integration/databases.js';
import { apachePair } from '../integration/servers.js';
import {
  canMount,
  dumped,
  expectEmpty,
  expectFailure,
  expectNothingIn,
  type Failure,
  mountDisk,
  temporaryFolder,
} from './dumped.js';

let made: Promise<Databases> | undefined;

function readings(): Promise<Databases> {
  made ??= apachePair().then((pair) => makeReadings(pair, 'dump_places'));
  return made;
}

async function expectNoRestore(from: string, failure: Failure): Promise<void> {
  const { target } = await readings();
  await expectFailure(restore({ from, target }), failure);
  await expectEmpty(target);
}

async function expectNoDump(out: string, failure: Failure): Promise<void> {
  const { source, programs } = await readings();
  await expectFailure(dump({ source, out, programs }), failure);
}

test('a folder that is not there is no dump', async () => {
  const from = join(await temporaryFolder(), 'nothing');
  await expectNoRestore(from, {
    code: 'ARCHIVE',
    says: [`expected a dump in ${from}, but there is no such file or folder`],
    advises: /Name the folder of a dump/,
  });
});

test('a folder of something else is no dump', async () => {
  const from = await temporaryFolder();
  await writeFile(join(from, 'letter.txt'), 'Dear Ann,');
  await expectNoRestore(from, {
    code: 'ARCHIVE',
    says: [
      `expected a dump in ${from}, but it has neither manifest.json (hyperferry dump) nor toc.dat (pg_dump -Fd)`,
    ],
    advises: /not the one above/,
  });
});

test('what a dump that was killed has left is no dump', async () => {
  const from = join(await temporaryFolder(), '.dump.partial');
  await mkdir(from);
  await writeFile(join(from, 'toc.dat'), 'PGDMP');
  await expectNoRestore(from, {
    code: 'ARCHIVE',
    says: [/expected a complete dump, but the one in .*\.partial did not end/],
    advises: /rm -r .*dump again/,
  });
});

test('a plain dump is not for restore, which says what is', async () => {
  const from = await dumped(await readings(), { format: 'plain' });
  await expectNoRestore(from, {
    code: 'ARCHIVE',
    says: [`expected an archive in ${from}, but the dump is of plain SQL`],
    advises: /psql, as .*README\.txt says/,
  });
});

test('--out that is there already stays as it is, a folder or a file', async () => {
  const folder = await temporaryFolder();
  const out = join(folder, 'mine');
  const failure: Failure = {
    code: 'USAGE',
    says: [`expected --out to name a folder that is not there yet, but ${out} is`],
    advises: /another one, or remove it/,
  };
  await writeFile(out, 'precious');
  await expectNoDump(out, failure);
  await expectNothingIn(folder, ['mine']);
  await expectNoDump(folder, { ...failure, says: [/not there yet/] });
});

test('--out that is a link to nothing, or empty, is refused before anything is dumped', async () => {
  const folder = await temporaryFolder();
  const out = join(folder, 'link');
  await symlink(join(folder, 'nowhere'), out);
  await expectNoDump(out, {
    code: 'USAGE',
    says: [`expected --out to name a folder that is not there yet, but ${out} is`],
    advises: /another one, or remove it/,
  });
  await expectNothingIn(folder, ['link']);
  await expectNoDump('', {
    code: 'USAGE',
    says: ['expected --out to name a folder, but it is empty'],
    advises: '--out /backup/tsdb',
  });
});

test('--out in a folder that is not there names that folder', async () => {
  const folder = join(await temporaryFolder(), 'nothing');
  await expectNoDump(join(folder, 'dump'), {
    code: 'ARCHIVE',
    says: [`expected a folder to make ${folder}/dump in, but ${folder} is not there`],
    advises: `mkdir -p ${folder}`,
  });
});

test('commands that are advised have folders in quotes where a shell needs them', async () => {
  const folder = join(await temporaryFolder(), "Ann's dumps; $HOME");
  const quoted = `'${folder.replace("'", "'\\''")}'`;
  await expectNoDump(join(folder, 'dump'), {
    code: 'ARCHIVE',
    says: [/is not there$/],
    advises: `mkdir -p ${quoted}`,
  });
  await mkdir(folder);
  const { source, programs } = await readings();
  const outcome = await dump({ source, programs, out: join(folder, 'dump') });
  const command = `hyperferry restore --from ${quoted.slice(0, -1)}/dump' --target …`;
  expect(dumpSummary(outcome)).toContain(command);
  expect(dumpSummary({ ...outcome, out: '/backup/tsdb' })).toContain('restore --from /backup/tsdb --target');
});

const isRoot = process.getuid?.() === 0;
const mayMount = await canMount();
const reason = isRoot && !mayMount ? ' (skipped: root may write everywhere, and cannot mount here)' : '';

test.skipIf(isRoot && !mayMount)(`--out in a folder that nobody may write to${reason}`, async () => {
  const folder = await temporaryFolder();
  if (isRoot) await mountDisk(folder, 'ro,size=1m');
  else await chmod(folder, 0o500);
  await expectNoDump(join(folder, 'dump'), {
    code: 'ARCHIVE',
    says: [`${folder}/.dump.partial cannot be written`, isRoot ? /read-only/ : /permission denied/],
    advises: /another place|change the permissions/,
  });
  await expectNothingIn(folder);
});

test('--out where another dump is at work, or has died', async () => {
  const folder = await temporaryFolder();
  await mkdir(join(folder, '.dump.partial'));
  await expectNoDump(join(folder, 'dump'), {
    code: 'ARCHIVE',
    says: [/expected nobody else to dump into .*, but .*\.dump\.partial is there/],
    advises: /If no other dump runs.*rm -r/,
  });
  await expectNothingIn(folder, ['.dump.partial']);
});

test('a dump that nobody may write to is restored through a link to it, its files checked, and stays as it is', async () => {
  const databases = await readings();
  const from = await dumped(databases);
  const link = join(await temporaryFolder(), 'link');
  await symlink(from, link);
  await chmod(from, 0o500);
  const stateOf = async () => {
    const names = await readdir(from);
    const states = await Promise.all(['.', ...names].map((name) => stat(join(from, name))));
    return states.map(({ mtimeMs, ctimeMs, size }, at) => [names[at - 1], mtimeMs, ctimeMs, size]);
  };
  const before = await stateOf();
  try {
    const target = await makeDatabaseBeside(databases.target);
    const { exitCode, stderr } = await hyperferry(['restore', '--from', link, '--check-files'], {
      TARGET: target,
    });
    expect(exitCode, stderr).toBe(0);
    await expectEqualDatabases(databases.source, target, databases.programs);
    expect(await stateOf()).toEqual(before);
  } finally {
    await chmod(from, 0o700);
  }
});

for (const format of ['archive', 'plain'] as const) {
  test(`only its owner may read a dump (${format}), whatever the umask`, async () => {
    const before = process.umask(0o000);
    try {
      const folder = await dumped(await readings(), { format });
      const modeOf = async (path: string) => (await stat(path)).mode & 0o777;
      expect(await modeOf(folder)).toBe(0o700);
      for (const name of await readdir(folder)) {
        expect([name, await modeOf(join(folder, name))]).toEqual([name, 0o600]);
      }
    } finally {
      process.umask(before);
    }
  });
}

test('--json prints what was dumped, as the library gives it', async () => {
  const { source, programs } = await readings();
  const out = join(await temporaryFolder(), 'dump');
  const { exitCode, stdout, stderr } = await hyperferry(
    ['dump', '--json', '--jobs', '2', '--out', out, '--pg-bin', programs],
    { SOURCE: source },
  );
  expect(exitCode, stderr).toBe(0);
  const sizes = (await readdir(out)).map(async (name) => (await stat(join(out, name))).size);
  const bytes = (await Promise.all(sizes)).reduce((sum, size) => sum + size);
  const { host, pathname } = new URL(source);
  expect(JSON.parse(stdout)).toEqual({
    source: `postgres@${host}${pathname}`,
    out,
    format: 'archive',
    timescaleVersion: expect.stringMatching(/^2\./),
    jobs: 2,
    tables: 5, // a table, a hypertable and its 3 chunks
    hypertables: 1,
    chunks: 3,
    rows: 79,
    bytes,
    notices: [],
    seconds: expect.any(Number),
  });
});

test('a plain dump without pg_restore beside pg_dump says so before it begins', async () => {
  const { source, programs } = await readings();
  const [parent, alone] = [await temporaryFolder(), await temporaryFolder()];
  await symlink(join(programs, 'pg_dump'), join(alone, 'pg_dump'));
  await expectFailure(dump({ source, out: join(parent, 'dump'), programs: alone, format: 'plain' }), {
    code: 'CLIENT_PROGRAM',
    says: ['expected pg_restore beside', alone, 'for a plain dump'],
    advises: '--format archive',
  });
  await expectNothingIn(parent);
});
