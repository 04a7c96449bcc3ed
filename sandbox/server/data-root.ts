import { lstat, realpath } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { makeFolder } from '../make-folder.js';
import { SandboxError } from '../sandbox-error.js';

/**
 * The folder that holds every server's folder, made if need be.
 *
 * @throws SandboxError `FOLDER_UNUSABLE` if it belongs to another user: in a shared folder for temporary files anyone
 * can make a folder of the expected name first.
 */
export async function dataRoot(chosen?: string): Promise<string> {
  const uid = process.getuid?.() ?? 0;
  const root = resolve(
    chosen || process.env.HYPERFERRY_SANDBOX_DATA || join(tmpdir(), `hyperferry-sandbox-${uid}`),
  );
  await makeFolder(root, 'HYPERFERRY_SANDBOX_DATA', 0o711);
  const owner = (await lstat(root)).uid;
  // The real path, since that is what a server's working directory is compared with.
  if (owner === uid) return realpath(root);
  throw new SandboxError(
    'FOLDER_UNUSABLE',
    `Expected ${root} to be a folder of user ${uid}, it is user ${owner}'s`,
    {
      hint: 'Set HYPERFERRY_SANDBOX_DATA to a folder of your own.',
    },
  );
}
