import pg from 'pg';

/** Runs `work` with a connection of its own, whose scans begin at the beginning. */
export async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url, options: '-c synchronize_seqscans=off' });
  // A query that it cuts off fails by itself; without a listener, the process would end.
  client.on('error', () => {});
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
