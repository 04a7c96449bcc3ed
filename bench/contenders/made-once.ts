import { stat } from 'node:fs/promises';

/** A folder that is made for whoever needs it first. */
export async function madeOnce(folder: string, make: (folder: string) => Promise<unknown>): Promise<string> {
  const isThere = await stat(folder).then(
    () => true,
    () => false,
  );
  if (!isThere) await make(folder);
  return folder;
}
