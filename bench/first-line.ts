import { ExecaError } from 'execa';

const LONGEST = 160;

/** Where and when a program's log says something. */
const PREFIX = /^\d{4}-\d\d-\d\d [\d:.]+ \d+ \w+ +\S+ +(?:\[\w+ \d+\] )?/;

/** What a program that failed says first of it: what the server refused before what the program makes of it. */
export function firstLineOf(error: unknown): string {
  const stderr = error instanceof ExecaError && typeof error.stderr === 'string' ? error.stderr : '';
  const lines = stderr.split('\n').filter((line) => line.trim() !== '');
  const line =
    lines.find((text) => /\bERROR: /.test(text)) ??
    lines.find((text) => /\b(error:|FATAL|ERROR)/.test(text) && !/ pg_dump: (detail|hint)/.test(text)) ??
    lines[0] ??
    (error instanceof ExecaError ? error.shortMessage : String(error)).split('\n')[0] ??
    '';
  return line
    .replace(PREFIX, '')
    .replace(/^.*?\b(?=ERROR: )/, '')
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, LONGEST);
}
