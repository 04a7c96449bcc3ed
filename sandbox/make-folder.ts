import { mkdir } from 'node:fs/promises';
import { SandboxError } from './sandbox-error.js';

/**
 * Makes a folder, if need be, that other users may pass through: root's servers run as another user.
 *
 * @param variable the environment variable that chooses another folder
 * @throws SandboxError `FOLDER_UNUSABLE` where the caller may not make it
 */
export async function makeFolder(folder: string, variable: string, mode: 0o755 | 0o711): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode });
  } catch (error) {
    throw new SandboxError(
      'FOLDER_UNUSABLE',
      `Expected to make the folder ${folder}, but: ${(error as Error).message}`,
      {
        hint: `Set ${variable} to a folder of your own.`,
        cause: error,
      },
    );
  }
}
