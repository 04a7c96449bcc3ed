import type { Finding } from '../check/finding.js';
import { printable } from './printable.js';
import { countOf } from './units.js';

const HEADINGS = [
  ['blocker', 'Blockers: these stop the migration'],
  ['warning', 'Warnings: these may spoil it'],
  ['note', 'Notes: this is what will be done, or is worth knowing'],
] as const;

/** Findings for people, grouped by severity. */
export function renderFindings(findings: readonly Finding[]): string {
  const lines: string[] = [];
  for (const [severity, heading] of HEADINGS) {
    const group = findings.filter((finding) => finding.severity === severity);
    if (group.length === 0) continue;
    lines.push(heading, '');
    for (const { id, found, why, mend } of group) {
      lines.push(
        `  [${id}] ${printable(found)}`,
        `      ${printable(why)}`,
        ...mend.split('\n').map((line) => `      > ${printable(line)}`),
        '',
      );
    }
  }
  const counts = HEADINGS.map(([severity]) =>
    countOf(findings.filter((finding) => finding.severity === severity).length, severity),
  );
  return `${[...lines, counts.join(', ')].join('\n')}\n`;
}
