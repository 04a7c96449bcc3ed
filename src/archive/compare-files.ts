import { statSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { failedOnFile } from '../postgres/archive/archive-error.js';
import { SUFFIXES } from '../postgres/archive/compression.js';
import { runTasks, type Task } from '../verify/pool.js';
import { type FileHasher, fileHashers } from './file-hashers.js';
import { MANIFEST_FILE, type ManifestFile } from './manifest.js';

/** What is wrong with a file of a dump. */
export type FileDifference = { readonly name: string } & (
  | { readonly state: 'missing' }
  | { readonly state: 'other size'; readonly bytes: number; readonly expected: number }
  | { readonly state: 'other content'; readonly sha256: string; readonly expected: string }
  | { readonly state: 'unreadable'; readonly reason: string }
  /** It is none of the dump's, and would be read in place of one: whatever reads archives goes by suffixes. */
  | { readonly state: 'in the way'; readonly of: string }
);

export interface ComparedFiles {
  readonly different: readonly FileDifference[];
  /** What else is in the folder. */
  readonly extra: readonly string[];
}

export interface FileComparison {
  /** Whether a file's content is compared, and not its size alone. */
  isHashed(name: string): boolean;
  /** Files at a time; one a core unless said. */
  readonly jobs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onCompared?: ((file: ManifestFile) => void) | undefined;
}

/** Compares the files in a dump's folder with what its manifest says of them. */
export async function compareFiles(
  path: string,
  files: readonly ManifestFile[],
  { isHashed, jobs = availableParallelism(), signal, onCompared }: FileComparison,
): Promise<ComparedFiles> {
  const different: FileDifference[] = [];
  const hashed: ManifestFile[] = [];
  for (const file of files) {
    const found = sizeDifference(path, file);
    if (found) different.push(found);
    else if (isHashed(file.name)) hashed.push(file);
    else onCompared?.(file);
  }
  const tasks = hashed.map(
    (file): Task<FileHasher> => ({
      weight: file.bytes,
      run: async (hasher) => {
        const found = await contentDifference(file, hasher);
        if (found) different.push(found);
        onCompared?.(file);
      },
    }),
  );
  const bytes = hashed.reduce((sum, file) => sum + file.bytes, 0);
  await runTasks(tasks, jobs, fileHashers(path, bytes), signal);
  const { extra, inTheWay } = await others(path, files);
  const order = new Map(files.map(({ name }, at) => [name, at]));
  return {
    different: [
      ...different.toSorted((a, b) => (order.get(a.name) ?? 0) - (order.get(b.name) ?? 0)),
      ...inTheWay,
    ],
    extra,
  };
}

/** What is wrong, as the end of a sentence that begins with the file's name. */
export function describeDifference(difference: FileDifference): string {
  switch (difference.state) {
    case 'missing':
      return 'is missing';
    case 'other size':
      return `has ${difference.bytes} bytes instead of ${difference.expected}`;
    case 'other content':
      return 'has another content (SHA-256)';
    case 'unreadable':
      return `cannot be compared: ${difference.reason}`;
    case 'in the way':
      return `is none of the dump's, and would be read in place of ${difference.of}`;
  }
}

/** Without a promise, which takes longer than the file. */
function sizeDifference(path: string, { name, bytes: expected }: ManifestFile): FileDifference | undefined {
  try {
    const bytes = statSync(join(path, name), { throwIfNoEntry: false })?.size;
    if (bytes === undefined) return { name, state: 'missing' };
    return bytes === expected ? undefined : { name, state: 'other size', bytes, expected };
  } catch (error) {
    return { name, state: 'unreadable', reason: failedOnFile('read', join(path, name), error).message };
  }
}

async function contentDifference(
  { name, sha256: expected }: ManifestFile,
  hasher: FileHasher,
): Promise<FileDifference | undefined> {
  const hashed = await hasher.hash(name);
  if (hashed.state === 'unreadable') return { name, ...hashed };
  const { sha256 } = hashed;
  return sha256 === expected ? undefined : { name, state: 'other content', sha256, expected };
}

async function others(path: string, files: readonly ManifestFile[]) {
  const named = new Set([MANIFEST_FILE, ...files.map(({ name }) => name)]);
  const readFirst = new Map(files.flatMap(({ name }) => namesReadBefore(name).map((other) => [other, name])));
  const there = await readdir(path).catch((error: unknown) => {
    throw failedOnFile('read', path, error);
  });
  const unnamed = there.filter((name) => !named.has(name)).sort();
  return {
    extra: unnamed.filter((name) => !readFirst.has(name)),
    inTheWay: unnamed.flatMap((name): FileDifference[] => {
      const of = readFirst.get(name);
      return of === undefined ? [] : [{ name, state: 'in the way', of }];
    }),
  };
}

/** In the order in which readers of archives look for a file. */
const ENDINGS = Object.values(SUFFIXES);

function namesReadBefore(name: string): string[] {
  const at = ENDINGS.findLastIndex((ending) => name.endsWith(ending));
  const stem = name.slice(0, name.length - (ENDINGS[at] ?? '').length);
  return /\.(dat|toc)$/.test(stem) ? ENDINGS.slice(0, at).map((ending) => stem + ending) : [];
}
