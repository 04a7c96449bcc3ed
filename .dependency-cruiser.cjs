// The folders from top to bottom, as docs/architecture.md pictures them: each imports only from those below it.
const layers = [
  'src/cli',
  'src/report',
  'src/archive',
  'src/migrate',
  'src/verify',
  'src/engine',
  'src/plan',
  'src/check',
  'src/inventory',
  'src/timescale',
  'src/postgres',
];

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    ...layers.slice(1).map((layer, index) => ({
      name: `${layer.slice(4)}-imports-only-downwards`,
      severity: 'error',
      from: { path: `^${layer}/` },
      to: { path: [...layers.slice(0, index + 1).map((upper) => `^${upper}/`), '^src/index\\.ts$'] },
    })),
    {
      name: 'only-the-demo-imports-the-sandbox',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/cli/demo' },
      to: { path: '^sandbox/' },
    },
    {
      name: 'the-sandbox-stands-alone',
      severity: 'error',
      from: { path: '^sandbox/' },
      to: { path: '^(src|test|bench)/' },
    },
    {
      name: 'product-does-not-import-tests',
      severity: 'error',
      from: { path: '^(src|sandbox)/' },
      to: { path: '^(test|bench)/' },
    },
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
  },
};
