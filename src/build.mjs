// Bundles the command line into dist/callchart.js, the records' thread beside it, and draws the charts. Dependencies stay outside.
import { chmodSync, existsSync, readFileSync } from 'node:fs';
import { build } from 'esbuild';
import { chartTools } from './charts.mjs';

const outfile = 'dist/callchart.js';
const thread = 'dist/records-worker.js';
if (process.argv.includes('--if-missing') && [outfile, thread].every(existsSync)) process.exit(0);

const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
const common = {
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20.19',
  packages: 'external',
  sourcemap: true,
  logLevel: 'warning',
};
await build({
  ...common,
  entryPoints: ['src/cli/main.ts'],
  outfile,
  banner: { js: '#!/usr/bin/env node' },
  define: { __VERSION__: JSON.stringify(version) },
});
await build({
  ...common,
  entryPoints: ['src/store/records-worker.ts'],
  outfile: thread,
});
chmodSync(outfile, 0o755);

const { drawCharts } = await chartTools();
await drawCharts('dist/charts');
