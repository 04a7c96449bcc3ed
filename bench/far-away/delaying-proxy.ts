import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/**
 * A process that forwards TCP connections on loopback and hands each piece on some milliseconds after it came, in each
 * direction: a long way, without a limit to what it carries. Arguments: the milliseconds, then the ports that it leads to.
 * Prints the ports that it listens on, as JSON, and ends with its standard input.
 *
 * What it is not: nothing is lost on this way, and no window has to grow first, as on a real one. That a connection is made
 * costs no round trip (what is said first does). Node's timers are up to a millisecond late.
 */
const [latency = 0, ...ports] = process.argv.slice(2).map(Number);

/** Of one direction of one connection: at 50 ms, more than 1 GB/s. Beyond it, the sender waits, as it would anywhere. */
const MOST_IN_FLIGHT = 64 * 1024 ** 2;

const listening = await Promise.all(ports.map(listen));
process.stdout.write(`${JSON.stringify(listening)}\n`);
process.stdin.on('end', () => process.exit()).resume();

function listen(to: number): Promise<number> {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
    const far = connect({ host: '127.0.0.1', port: to, allowHalfOpen: true, noDelay: true });
    forward(near, far);
    forward(far, near);
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}

/** What is under way: a piece, or the end. */
interface Underway {
  readonly due: number;
  readonly piece: Buffer | 'end';
}

function forward(from: Socket, to: Socket): void {
  const underway: Underway[] = [];
  let bytes = 0;
  let isWaiting = false;

  const arrive = (): void => {
    isWaiting = false;
    while (underway[0] && underway[0].due <= performance.now()) {
      const { piece } = underway.shift() as Underway;
      if (piece === 'end') return void to.end();
      bytes -= piece.length;
      if (!to.write(piece)) {
        isWaiting = true;
        to.once('drain', arrive);
        break;
      }
    }
    if (bytes < MOST_IN_FLIGHT / 2 && from.isPaused()) from.resume();
    wait();
  };
  const wait = (): void => {
    if (isWaiting || !underway[0]) return;
    isWaiting = true;
    setTimeout(arrive, Math.max(0, underway[0].due - performance.now()));
  };
  const send = (piece: Underway['piece']): void => {
    underway.push({ due: performance.now() + latency, piece });
    wait();
  };

  from.on('data', (piece) => {
    bytes += piece.length;
    if (bytes >= MOST_IN_FLIGHT) from.pause();
    send(piece as Buffer);
  });
  from.on('end', () => send('end'));
  from.on('error', () => from.destroy());
  // A side that is gone without a word is gone for the other as well, which hears of it later.
  from.on('close', () => {
    if (!from.readableEnded) setTimeout(() => to.destroy(), latency);
  });
}
