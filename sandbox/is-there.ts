import { access, constants } from 'node:fs/promises';

/** Whether the caller can reach a file, or run a program, at a path. */
export async function isThere(path: string, kind: 'file' | 'program' = 'file'): Promise<boolean> {
  return access(path, kind === 'program' ? constants.X_OK : constants.F_OK).then(
    () => true,
    () => false,
  );
}
