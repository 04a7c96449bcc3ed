import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/** What a process used, with the children that it waited for. */
export interface Usage {
  readonly cpuSeconds: number;
  /** The most that was resident at one time, of the process itself. */
  readonly peakBytes: number;
}

const SAMPLE_MILLISECONDS = 50;

/** Linux counts in hundredths of a second wherever it runs (`getconf CLK_TCK`). */
const TICKS_A_SECOND = 100;

/**
 * Looks at a process until it ends. What it does after the last look, less than a twentieth of a second before its end,
 * is not counted.
 * Source: proc_pid_stat(5), proc_pid_status(5)
 */
export async function measureProcess(pid: number, ended: Promise<unknown>): Promise<Usage> {
  let usage: Usage = { cpuSeconds: Number.NaN, peakBytes: Number.NaN };
  let isOver = false;
  const over = ended.then(() => {
    isOver = true;
  });
  while (!isOver) {
    usage = (await look(pid)) ?? usage;
    await Promise.race([over, sleep(SAMPLE_MILLISECONDS)]);
  }
  return usage;
}

async function look(pid: number): Promise<Usage | undefined> {
  try {
    const [stat, status] = await Promise.all(
      ['stat', 'status'].map((name) => readFile(`/proc/${pid}/${name}`, 'utf8')),
    );
    // The second field is the program's name in brackets, and may hold spaces.
    const fields = (stat ?? '').slice((stat ?? '').lastIndexOf(')') + 2).split(' ');
    const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
    const peak = /^VmHWM:\s+(\d+) kB$/m.exec(status ?? '')?.[1];
    return { cpuSeconds: ticks / TICKS_A_SECOND, peakBytes: Number(peak) * 1024 };
  } catch {
    return undefined; // it has ended, or this is not Linux
  }
}
