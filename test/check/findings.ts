import { expect } from 'vitest';
import type { Check, Checked } from '../../src/check/finding.js';
import { check, type Finding, type MigrateOptions } from '../../src/index.js';
import { readInventory } from '../../src/inventory/inventory.js';
import { findPgDump } from '../../src/postgres/client-programs.js';
import { parseConnection } from '../../src/postgres/connection-string.js';
import { Session, type Side } from '../../src/postgres/session.js';
import type { Databases } from '../integration/databases.js';

/** What a test expects of a finding. Each is also expected to say what was found, why it matters and how to mend it. */
export interface Expected {
  readonly id: string;
  readonly severity: Finding['severity'];
  /** All of the objects that it is about, in any order. */
  readonly objects?: readonly string[] | undefined;
  /** What `found` says. */
  readonly says?: string | RegExp;
}

export async function findingsOf(
  { source, target, programs }: Databases,
  options: Partial<MigrateOptions> = {},
): Promise<readonly Finding[]> {
  return check({ source, target, programs, jobs: 2, ...options });
}

/** Expects one finding of an id, and gives it. */
export function expectFinding(findings: readonly Finding[], expected: Expected): Finding {
  const found = findings.filter(({ id }) => id === expected.id);
  expect(found.length, `findings ${expected.id} among ${namesOf(findings)}`).toBe(1);
  const finding = found[0] as Finding;
  expect(finding.severity).toBe(expected.severity);
  if (expected.objects) expect([...finding.objects].sort()).toEqual([...expected.objects].sort());
  if (expected.says) expect(finding.found).toMatch(expected.says);
  for (const text of [finding.found, finding.why, finding.mend]) expect(text.trim()).not.toBe('');
  expect(finding.why, 'one sentence').toMatch(/^[^\n]+\.$/);
  return finding;
}

/** Expects no finding of an id. */
export function expectSilence(findings: readonly Finding[], id: string): void {
  expect(findings.filter((finding) => finding.id === id)).toEqual([]);
}

/** Checks two databases, and expects one finding of an id. */
export async function expectFires(
  databases: Databases,
  expected: Expected,
  options: Partial<MigrateOptions> = {},
): Promise<Finding> {
  return expectFinding(await findingsOf(databases, options), expected);
}

/** Checks two databases, and expects no finding of an id. */
export async function expectSilent(
  databases: Databases,
  id: string,
  options: Partial<MigrateOptions> = {},
): Promise<void> {
  expectSilence(await findingsOf(databases, options), id);
}

/**
 * Runs a single check on two real databases, of whose inventories or addresses a test says something else than is so:
 * that a server is older than any that can be had.
 */
export async function findingsOfCheck(
  check: Check,
  databases: Databases,
  change: (checked: Checked) => Checked,
): Promise<readonly Finding[]> {
  const [source, target] = [await openSide('source', databases), await openSide('target', databases)];
  try {
    const options = {
      jobs: 2,
      cleanTarget: false,
      resume: false,
      privileges: true,
      rolePasswords: false,
      roleMap: {},
      updateSource: false,
      updateTargetAfter: undefined,
    };
    const [from, to] = [source, target].map(({ inventory }) => inventory.server.major);
    const pgDump = await findPgDump(databases.programs, from ?? 0, to ?? 0);
    return await check(change({ source, target, pgDump, options }));
  } finally {
    await Promise.all([source.session.close(), target.session.close()]);
  }
}

async function openSide(side: Side, databases: Databases): Promise<Checked['source']> {
  const connection = parseConnection(databases[side]);
  const session = await Session.open(side, connection);
  return { connection, session, inventory: await readInventory(session) };
}

function namesOf(findings: readonly Finding[]): string {
  return findings.map(({ id }) => id).join(', ');
}
