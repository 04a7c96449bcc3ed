import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/** What a process used, and the processes that it started. */
export interface Usage {
  readonly cpuSeconds: number;
  /** The most that was resident at one time. Of several processes at once, the sum of what each had at its most. */
  readonly peakBytes: number;
}

const SAMPLE_MILLISECONDS = 50;

/** Linux counts in hundredths of a second wherever it runs (`getconf CLK_TCK`). */
const TICKS_A_SECOND = 100;

/**
 * Looks at a process and its children until it ends. What they do after the last look, less than a twentieth of a second
 * before the end, is not counted.
 * Source: proc_pid_stat(5), proc_pid_status(5), proc_pid_task(5)
 */
export async function measureProcess(pid: number, ended: Promise<unknown>): Promise<Usage> {
  let usage: Usage = { cpuSeconds: Number.NaN, peakBytes: Number.NaN };
  let isOver = false;
  const over = ended.then(() => {
    isOver = true;
  });
  while (!isOver) {
    const seen = await look(pid);
    // A child that ends between two readings is missing for once; then it is part of what its parent waited for.
    if (seen)
      usage = { cpuSeconds: most(usage, seen, 'cpuSeconds'), peakBytes: most(usage, seen, 'peakBytes') };
    await Promise.race([over, sleep(SAMPLE_MILLISECONDS)]);
  }
  return usage;
}

function most(a: Usage, b: Usage, field: keyof Usage): number {
  return Number.isNaN(a[field]) ? b[field] : Math.max(a[field], b[field]);
}

/** What a process and its children have used so far; undefined when it has ended, or this is not Linux. */
export async function look(pid: number): Promise<Usage | undefined> {
  try {
    const [stat = '', status = '', children = ''] = await Promise.all(
      ['stat', 'status', `task/${pid}/children`].map((name) => readFile(`/proc/${pid}/${name}`, 'utf8')),
    );
    // The second field is the program's name in brackets, and may hold spaces.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // With the time of children that have ended and were waited for.
    const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
    const peak = Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0);
    const living = await Promise.all((children.match(/\d+/g) ?? []).map((child) => look(Number(child))));
    return {
      cpuSeconds: living.reduce((sum, child) => sum + (child?.cpuSeconds ?? 0), ticks / TICKS_A_SECOND),
      peakBytes: living.reduce((sum, child) => sum + (child?.peakBytes ?? 0), peak * 1024),
    };
  } catch {
    return undefined;
  }
}
