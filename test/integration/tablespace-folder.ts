import { chown, mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Server } from '../../sandbox/index.js';

/** A folder that belongs to the server's user, as its data folder does. */
export async function tablespaceFolder({ dataFolder }: Server, name: string): Promise<string> {
  const folder = join(dataFolder, '..', `tablespace-${name}`);
  await mkdir(folder, { mode: 0o700 });
  const { uid, gid } = await stat(dataFolder);
  await chown(folder, uid, gid);
  return folder;
}
