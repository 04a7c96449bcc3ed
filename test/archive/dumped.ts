import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, onTestFinished } from 'vitest';
import {
  type DumpOptions,
  dump,
  type ErrorCode,
  HyperferryError,
  type RestoreOptions,
  restore,
} from '../../src/index.js';
import type { Databases } from '../integration/databases.js';
import { query } from '../integration/sql.js';

export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'hyperferry-dump-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Dumps the source of databases into a folder that goes with the test. */
export async function dumped(
  { source, programs }: Databases,
  options: Partial<DumpOptions> = {},
): Promise<string> {
  const out = join(await temporaryFolder(), 'dump');
  await dump({ source, programs, out, jobs: 2, ...options });
  return out;
}

/** An archive that `pg_dump` makes of the source of databases, which goes with the test. */
export async function dumpedByPgDump(
  { source, programs }: Databases,
  ...flags: readonly string[]
): Promise<string> {
  const out = join(await temporaryFolder(), 'stock');
  await execa(join(programs, 'pg_dump'), ['-d', source, '-f', out, ...flags]);
  return out;
}

/** The file of a table's rows, by the manifest. */
export async function fileOfRows(folder: string, table: string): Promise<string> {
  const { tables } = JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8'));
  const found = tables.find(({ name }: { name: string }) => name === table);
  if (!found?.file) throw new Error(`no file of ${table} among ${JSON.stringify(tables)}`);
  return found.file;
}

/** Changes one byte in the middle of a file. */
export async function flipByte(path: string): Promise<void> {
  const bytes = await readFile(path);
  const at = Math.floor(bytes.length / 2);
  bytes.writeUInt8(bytes.readUInt8(at) ^ 0xff, at);
  await writeFile(path, bytes);
}

/** Expects a restore to be refused before anything was changed. */
export async function expectRefusal(
  { target }: Databases,
  from: string,
  failure: Failure,
  options: Partial<RestoreOptions> = {},
): Promise<void> {
  await expectFailure(restore({ from, target, jobs: 2, ...options }), failure);
  await expectEmpty(target);
}

/** Changes the manifest in a dump's folder. */
export async function editManifest(
  folder: string,
  // biome-ignore lint/suspicious/noExplicitAny: tests make manifests that are none
  edit: (manifest: any) => unknown,
): Promise<void> {
  const path = join(folder, 'manifest.json');
  const manifest = JSON.parse(await readFile(path, 'utf8'));
  await writeFile(path, JSON.stringify(edit(manifest) ?? manifest));
}

export interface Failure {
  readonly code: ErrorCode;
  /** What the message says: what was expected, and what came. */
  readonly says: readonly (string | RegExp)[];
  /** What the hint says to do. */
  readonly advises: string | RegExp;
}

/** Expects this failure of something that was begun. */
export async function expectFailure(begun: Promise<unknown>, failure: Failure): Promise<void> {
  const error = await begun.then(
    () => 'it was done',
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(HyperferryError);
  const { code, message, hint = '' } = error as HyperferryError;
  expect(code, message).toBe(failure.code);
  for (const text of failure.says) expect(message).toMatch(text);
  expect(hint).toMatch(failure.advises);
}

/** Expects that nobody has made anything in an empty database. */
export async function expectEmpty(target: string): Promise<void> {
  const made = await query(
    target,
    `SELECT nspname AS name FROM pg_namespace WHERE nspname NOT LIKE 'pg\\_%' AND nspname NOT IN ('public', 'information_schema')
     UNION ALL SELECT relname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
     WHERE nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema'
     UNION ALL SELECT extname FROM pg_extension WHERE extname <> 'plpgsql'`,
  );
  expect(made, 'what is in the target').toEqual([]);
}

/** Expects that a dump has left nothing beside what was there. */
export async function expectNothingIn(folder: string, but: readonly string[] = []): Promise<void> {
  expect(await readdir(folder), `what is in ${folder}`).toEqual(but);
}

/** Whether disks may be mounted: only by root, and not everywhere. */
export async function canMount(): Promise<boolean> {
  if (process.getuid?.() !== 0) return false;
  // A mount namespace of its own: what it mounts is gone with the process.
  const { failed } = await execa('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'none', '/mnt'], {
    reject: false,
  });
  return !failed;
}

/** A disk of its own, with these options of tmpfs, in a folder. */
export async function mountDisk(folder: string, options: string): Promise<void> {
  await execa('mount', ['-t', 'tmpfs', '-o', options, 'hyperferry-test', folder]);
  onTestFinished(async () => {
    await execa('umount', ['--lazy', folder]);
  });
}
