import { type Copied, relayCopies } from '../../src/postgres/relay.js';
import type { Session } from '../../src/postgres/session.js';

/**
 * One COPY, as `relayCopies` carries many.
 * @throws the error of the side that failed
 */
export async function relayCopy(
  source: Session,
  copyOut: string,
  target: Session,
  copyIn: string,
): Promise<Copied> {
  const relayed = await relayCopies(source, { copies: [copyOut] }, target, { copies: [copyIn] });
  if (relayed.state === 'failed') throw relayed.error;
  const [copied] = relayed.copies;
  if (!copied) throw new Error(`no rows were counted of ${copyOut}`);
  return copied;
}
