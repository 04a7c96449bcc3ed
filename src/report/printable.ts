/** A text for a line of a terminal: a name may hold a line break, or what moves the cursor. */
export function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, (one) => JSON.stringify(one).slice(1, -1).replace('\u007f', '\\u007f'));
}

/** Text of several lines. */
export function printableLines(text: string): string {
  return text.split('\n').map(printable).join('\n');
}
