import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { SandboxError } from '../sandbox-error.js';

/** What is kept about a server, in `<data root>/<name>/server.json`, beside its data folder. */
const serverRecord = z.object({
  name: z.string(),
  port: z.number().int(),
  binFolder: z.string(),
  postgres: z.number().int(),
  edition: z.enum(['apache', 'community']),
  settings: z.record(z.string(), z.string()),
});

export type ServerRecord = Readonly<z.infer<typeof serverRecord>>;

export function serverFolder(root: string, name: string): string {
  if (/^[a-z0-9][a-z0-9_-]{0,62}$/.test(name)) return join(root, name);
  throw new SandboxError(
    'INVALID_NAME',
    `Expected a server's name of at most 63 lower-case letters, digits, "-" and "_", got "${name}"`,
  );
}

export function dataFolder(root: string, name: string): string {
  return join(serverFolder(root, name), 'data');
}

export function serverUrl(port: number): string {
  return `postgres://postgres@127.0.0.1:${port}/postgres`;
}

export async function writeRecord(root: string, record: ServerRecord): Promise<void> {
  const folder = serverFolder(root, record.name);
  await mkdir(folder, { recursive: true, mode: 0o711 });
  const unfinished = join(folder, 'server.json.unfinished');
  await writeFile(unfinished, `${JSON.stringify(record, null, 2)}\n`);
  await rename(unfinished, join(folder, 'server.json'));
}

/** The record of a server, running or not; undefined where there is none. */
export async function readRecord(root: string, name: string): Promise<ServerRecord | undefined> {
  try {
    return serverRecord.parse(
      JSON.parse(await readFile(join(serverFolder(root, name), 'server.json'), 'utf8')),
    );
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

export async function readRecords(root: string): Promise<ServerRecord[]> {
  const entries = await readdir(root, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  const records = await Promise.all(names.sort().map((name) => readRecord(root, name)));
  return records.filter((record) => record !== undefined);
}
