import { run } from '../run.js';

/** One line of apt's own list of what it fetches from where. */
interface IndexTarget {
  readonly uri: string;
  readonly origin: string;
  readonly release: string;
}

/**
 * The base addresses of Debian's archive as this machine's apt is configured, the likeliest first. Every mirror holds
 * all current releases, so the address that serves the machine's own release serves the others too.
 */
export async function debianMirrors(codename: string): Promise<readonly string[]> {
  // Without --no-release-info, apt lists only targets it has fetched, and a fresh machine has fetched none.
  const [fetched, configured] = await Promise.all([
    run('apt-get', ['indextargets', ...FORMAT]),
    run('apt-get', ['indextargets', '--no-release-info', ...FORMAT]),
  ]);
  return rankMirrors(parseTargets(fetched), parseTargets(configured), codename);
}

const FORMAT = [
  '--format',
  '$(REPO_URI)|$(ORIGIN)|$(RELEASE)|$(COMPONENT)',
  'Created-By: Packages',
  'Component: main',
];

function parseTargets(text: string): IndexTarget[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [uri = '', origin = '', release = ''] = line.split('|');
      return { uri, origin, release };
    });
}

/** Of two kinds of evidence, what the archive signed (its origin) goes before what the configuration looks like. */
export function rankMirrors(
  fetched: readonly IndexTarget[],
  configured: readonly IndexTarget[],
  codename: string,
): readonly string[] {
  const named = fetched.filter(({ origin, release }) => origin === 'Debian' && !release.includes('security'));
  const suites = new Set([
    codename,
    `${codename}-updates`,
    'stable',
    'oldstable',
    'testing',
    'sid',
    'unstable',
  ]);
  const likely = configured.filter(({ release }) => suites.has(release));
  const ordered = [
    ...named,
    ...likely.filter(({ uri }) => /\/debian\/?$/.test(uri)),
    ...likely.filter(({ uri }) => !/\/debian\/?$/.test(uri)),
  ];
  return [...new Set(ordered.map(({ uri }) => uri))];
}
