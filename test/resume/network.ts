import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { altered } from '../bad-input/readings.js';
import { query } from '../integration/sql.js';

/** One connection through it. */
interface Line {
  readonly toClient: Socket;
  readonly toServer: Socket;
}

/** A network between Hyperferry and one database, whose connections can be cut. Ends with the test. */
export class Network {
  /** The database, through it. */
  readonly url: string;
  readonly #database: string;
  readonly #lines: Set<Line>;
  #cutUnseen: Line[] = [];
  #isDown = false;
  #isStalled = false;

  private constructor(database: string, listener: Server) {
    const address = listener.address();
    this.url = altered(database, { port: String(address instanceof Object ? address.port : 0) });
    this.#database = database;
    this.#lines = new Set();
    const { hostname, port } = new URL(database);
    listener.on('connection', (toClient: Socket) => {
      if (this.#isDown) {
        toClient.resetAndDestroy();
        return;
      }
      const line = { toClient, toServer: connect(Number(port), hostname) };
      this.#lines.add(line);
      if (this.#isStalled) return;
      pass(line.toClient, line.toServer);
      pass(line.toServer, line.toClient);
    });
  }

  static async before(database: string): Promise<Network> {
    const listener = createServer();
    await once(listener.listen(0, '127.0.0.1'), 'listening');
    const network = new Network(database, listener);
    onTestFinished(() => {
      listener.close();
      network.goDown();
    });
    return network;
  }

  /** Cuts the first connection that has carried so many bytes, either way: it is in the middle of a COPY. */
  cutOnceAt(bytes: number): void {
    const timer = setInterval(() => {
      const line = [...this.#lines].find(
        ({ toServer }) => toServer.bytesRead > bytes || toServer.bytesWritten > bytes,
      );
      if (!line) return;
      clearInterval(timer);
      cut(line);
    }, 1);
  }

  /**
   * Cuts the connections of those sessions of Hyperferry for which a condition over `pg_stat_activity` holds.
   * @returns how many there were
   */
  async cut(condition: string): Promise<number> {
    const lines = await this.#linesWhere(condition);
    for (const line of lines) cut(line);
    return lines.length;
  }

  /** As `cut`, but the server does not see it: to it, the connections are there until `letServerSee`. */
  async cutUnseenByServer(condition: string): Promise<number> {
    this.#cutUnseen = await this.#linesWhere(condition);
    for (const { toClient, toServer } of this.#cutUnseen) {
      toClient.unpipe();
      toServer.unpipe();
      toClient.removeAllListeners('close');
      toClient.resetAndDestroy();
    }
    return this.#cutUnseen.length;
  }

  letServerSee(): void {
    for (const line of this.#cutUnseen.splice(0)) cut(line);
  }

  /** Passes nothing on any more and ends no connection, as a firewall that drops packets does. */
  stall(): void {
    this.#isStalled = true;
    for (const { toClient, toServer } of this.#lines) {
      toClient.unpipe();
      toServer.unpipe();
    }
  }

  /** Cuts all connections, and takes no more until `comeBack`. */
  goDown(): void {
    this.#isDown = true;
    for (const line of this.#lines) cut(line);
  }

  comeBack(): void {
    this.#isDown = false;
  }

  async #linesWhere(condition: string): Promise<Line[]> {
    const rows = await query<{ port: number }>(
      this.#database,
      `SELECT client_port AS port FROM pg_stat_activity
       WHERE datname = current_database() AND application_name = 'hyperferry' AND ${condition}`,
    );
    const ports = rows.map(({ port }) => port);
    return [...this.#lines].filter(({ toServer }) => ports.includes(toServer.localPort ?? 0));
  }
}

function pass(from: Socket, to: Socket): void {
  from.pipe(to);
  from.on('error', () => to.destroy());
  from.on('close', () => to.destroy());
}

function cut({ toClient, toServer }: Line): void {
  toClient.destroy();
  toServer.destroy();
}
