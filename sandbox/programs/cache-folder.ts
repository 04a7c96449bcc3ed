import { homedir } from 'node:os';
import { join } from 'node:path';
import { makeFolder } from '../make-folder.js';

/**
 * Where unpacked programs are kept between runs: `$HYPERFERRY_CACHE`, for root `/var/cache/hyperferry`, else
 * `$XDG_CACHE_HOME/hyperferry` or `~/.cache/hyperferry`.
 */
export async function cacheFolder(): Promise<string> {
  const folder = cachePath();
  await makeFolder(folder, 'HYPERFERRY_CACHE', 0o755);
  return folder;
}

function cachePath(): string {
  const { HYPERFERRY_CACHE, XDG_CACHE_HOME } = process.env;
  if (HYPERFERRY_CACHE) return HYPERFERRY_CACHE;
  // Root's home is often closed to others, and root's servers run as another user.
  if (process.getuid?.() === 0) return '/var/cache/hyperferry';
  return join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'hyperferry');
}
