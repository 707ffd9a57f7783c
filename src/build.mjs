// Bundles the command line into dist/callchart.js and draws the charts into dist/charts. Dependencies stay outside.
import { chmodSync, existsSync, readFileSync } from 'node:fs';
import { build } from 'esbuild';
import { chartTools } from './charts.mjs';

const outfile = 'dist/callchart.js';
if (process.argv.includes('--if-missing') && existsSync(outfile)) process.exit(0);

const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
await build({
  entryPoints: ['src/cli/main.ts'],
  outfile,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20.19',
  packages: 'external',
  sourcemap: true,
  banner: { js: '#!/usr/bin/env node' },
  define: { __VERSION__: JSON.stringify(version) },
  logLevel: 'warning',
});
chmodSync(outfile, 0o755);

const { drawCharts } = await chartTools();
await drawCharts('dist/charts');
