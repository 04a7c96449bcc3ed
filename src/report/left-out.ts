import type { LeftOut } from '../plan/left-out.js';

/** What was left out as an SQL script: each reason a comment, and the SQL where there is some. */
export function renderLeftOut(items: readonly LeftOut[]): string {
  const header = '-- Left out by Hyperferry. Run on the target as an administrator what you need of it.\n';
  return (
    header +
    items
      .map(({ object, reason, sql }) => `\n${comment(`${object}: ${reason}`)}${sql ? `${sql}\n` : ''}`)
      .join('')
  );
}

/** A name may hold a line break, and what follows it must stay a comment. */
function comment(text: string): string {
  return text
    .split(/\r\n|\r|\n/)
    .map((line) => `-- ${line}\n`)
    .join('');
}
