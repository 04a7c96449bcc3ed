import { lstat, mkdir, realpath } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { SandboxError } from '../sandbox-error.js';

/**
 * The folder that holds every server's folder, made if need be.
 *
 * @throws SandboxError `DATA_ROOT_UNSAFE` if it belongs to another user: in a shared folder for temporary files anyone
 * can make a folder of the expected name first.
 */
export async function dataRoot(chosen?: string): Promise<string> {
  const uid = process.getuid?.() ?? 0;
  const root = resolve(
    chosen || process.env.HYPERFERRY_SANDBOX_DATA || join(tmpdir(), `hyperferry-sandbox-${uid}`),
  );
  // Others may pass through, since root's servers run as another user, but not look around.
  await mkdir(root, { recursive: true, mode: 0o711 });
  const found = await lstat(root);
  // The real path, since that is what a server's working directory is compared with.
  if (found.isDirectory() && found.uid === uid) return realpath(root);
  throw new SandboxError(
    'DATA_ROOT_UNSAFE',
    `Expected ${root} to be a folder of user ${uid}, it is user ${found.uid}'s`,
    {
      hint: 'Set HYPERFERRY_SANDBOX_DATA to a folder of your own.',
    },
  );
}
