import { HyperferryError } from '../error.js';

/** A file of an archive that is damaged, or none that Hyperferry reads. */
export function unreadableArchive(
  path: string,
  reason: string,
  { hint = DAMAGED, cause }: { readonly hint?: string | undefined; readonly cause?: unknown } = {},
): HyperferryError {
  return new HyperferryError('ARCHIVE', `${path} cannot be read: ${reason}`, { hint, cause });
}

const DAMAGED =
  'Compare the size and the checksum of the file with those of the one that was written, or dump again.';

/** The error of a call of the system on a file of an archive. */
export function failedOnFile(verb: 'read' | 'written', path: string, cause: unknown): HyperferryError {
  if (cause instanceof HyperferryError) return cause;
  const { code, message } = cause as NodeJS.ErrnoException;
  const known = code === undefined ? undefined : FAILURES[code];
  return new HyperferryError('ARCHIVE', `${path} cannot be ${verb}: ${known?.reason ?? message}`, {
    hint: known?.hint,
    cause,
  });
}

const FAILURES: Readonly<Record<string, { reason: string; hint?: string }>> = {
  ENOSPC: {
    reason: 'no space left on its disk (ENOSPC)',
    hint: 'Make room there, or write to another disk.',
  },
  EDQUOT: {
    reason: "the user's quota of its disk is used up (EDQUOT)",
    hint: 'Make room there, or write to another disk.',
  },
  EFBIG: {
    reason: 'the file is as large as its file system or a limit allows (EFBIG)',
    hint: 'Raise the limit (ulimit -f), or write to another disk.',
  },
  EACCES: {
    reason: 'permission denied (EACCES)',
    hint: 'Run as a user that may, or change the permissions.',
  },
  EROFS: {
    reason: 'its file system is mounted read-only (EROFS)',
    hint: 'Write to another place.',
  },
  ENOENT: { reason: 'there is no such file or folder (ENOENT)' },
};
