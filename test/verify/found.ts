import type { Verification } from '../../src/verify/verification.js';

/** The differences by name, a line each: `rows of public.plain`, `index public.i missing on target`. */
export function found({ relations, objects, logical }: Verification): string[] {
  return [
    ...relations.different.map(({ relation, state }) => `rows of ${relation} ${state}`),
    ...(logical?.different ?? []).map(({ relation }) => `rows through ${relation}`),
    ...objects.different.map(({ kind, object, state }) => `${kind} ${object} ${state}`),
  ].sort();
}
