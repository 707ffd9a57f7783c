// Bundles the command line into dist/callchart.js. Dependencies stay outside: they are installed beside it.
import { chmodSync, existsSync, readFileSync } from 'node:fs';
import { build } from 'esbuild';

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
