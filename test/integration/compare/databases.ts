import { expect } from 'vitest';
import { compareConfiguration } from './configuration.js';
import { withBoth } from './lines.js';
import { compareProperties, compareSequences } from './properties.js';
import { compareRows } from './rows.js';
import { compareSchemas } from './schema.js';

/** What may differ, each with its reason where a test says so. */
export interface Exceptions {
  /** Lines of the schema dump. */
  readonly lines?: readonly RegExp[];
  /** Objects by the name that the comparison gives them, such as `extensions`. */
  readonly objects?: readonly (string | RegExp)[];
}

/**
 * Compares two databases by means that share nothing with the product: their definitions, the rows of each relation,
 * TimescaleDB's catalog, sequences, large objects, and what belongs to the database itself.
 */
export async function expectEqualDatabases(
  source: string,
  target: string,
  programs: string,
  except: Exceptions = {},
): Promise<void> {
  const schema = await compareSchemas(source, target, programs, except.lines ?? []);
  const content = await withBoth(source, target, async (left, right) => [
    ...(await compareProperties(left, right)),
    ...(await compareConfiguration(left, right)),
    ...(await compareSequences(left, right)),
    ...(await compareRows(left, right)),
  ]);
  const isExcepted = (object: string) =>
    except.objects?.some((one) => (typeof one === 'string' ? one === object : one.test(object)));
  const unexpected = [...schema, ...content].filter(({ object }) => !isExcepted(object));
  expect(unexpected, 'how the target differs from the source').toEqual([]);
}
