import { type Outcome, type RestoreOptions, restore } from '../../src/index.js';
import type { Databases } from '../integration/databases.js';

export function restored(
  from: string,
  { target }: Databases,
  options: Partial<RestoreOptions> = {},
): Promise<Outcome> {
  return restore({ from, target, jobs: 2, ...options });
}
