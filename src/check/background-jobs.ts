import { quoteIdentifier } from '../postgres/quoting.js';
import { readScheduledJobs } from '../timescale/jobs.js';
import { type Check, type DumpChecked, type Finding, nameSome } from './finding.js';

/** Jobs compress, drop and reorder chunks, which a snapshot does not see. */
export const backgroundJobs: Check<Pick<DumpChecked, 'source'>> = async ({ source }) => {
  if (!source.inventory.timescale) return [];
  const jobs = await readScheduledJobs(source.session);
  const names = (chosen: typeof jobs): string[] =>
    chosen.map(({ id, procedure }) => `job ${id} (${procedure})`);
  const findings: Finding[] = [];
  const notMine = jobs.filter(({ mayAlter }) => !mayAlter);
  const foreign = names(notMine);
  if (foreign.length > 0) {
    findings.push({
      id: 'jobs-of-others',
      severity: 'warning',
      found: `background jobs that ${source.inventory.server.role} may not hold off: ${nameSome(foreign)}`,
      objects: foreign,
      why: 'A job that compresses, drops or reorders a chunk during the copy stops the run.',
      mend: [...new Set(notMine.map(({ owner }) => owner))]
        .map(
          (owner) => `GRANT ${quoteIdentifier(owner)} TO ${quoteIdentifier(source.inventory.server.role)};`,
        )
        .join('\n'),
    });
  }
  const running = names(jobs.filter(({ isRunning }) => isRunning));
  if (running.length > 0) {
    findings.push({
      id: 'jobs-running',
      severity: 'warning',
      found: `background jobs that run now: ${nameSome(running)}`,
      objects: running,
      why: 'The copy begins when they have ended.',
      mend: 'Nothing to do: migrate waits for them (--job-wait SECONDS).',
    });
  }
  const held = names(jobs.filter(({ mayAlter }) => mayAlter));
  if (held.length > 0) {
    findings.push({
      id: 'jobs-held',
      severity: 'note',
      found: `background jobs that are held off during the copy: ${nameSome(held)}`,
      objects: held,
      why: 'What they rewrite, a snapshot does not see.',
      mend: 'Nothing to do: migrate puts them off and back, and they run again by themselves if it dies.',
    });
  }
  return findings;
};
