// Starts the torture: `node test/torture/run.mjs [ROUNDS=500] [--seed N]`. Builds the server unless CALLCHART names one.
import { execFileSync, spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';

const here = import.meta.dirname;
const root = path.resolve(here, '../..');
if (process.env.CALLCHART === undefined)
  execFileSync(process.execPath, ['src/build.mjs'], { cwd: root, stdio: 'inherit' });
const outfile = path.join(root, 'node_modules/.cache', `callchart-torture-${process.pid}.mjs`);
await build({
  entryPoints: [path.join(here, 'torture.ts')],
  outfile,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20.19',
  packages: 'external',
  logLevel: 'warning',
});
const { status } = spawnSync(process.execPath, ['--enable-source-maps', outfile, ...process.argv.slice(2)], {
  stdio: 'inherit',
  env: { CALLCHART: path.join(root, 'dist/callchart.js'), ...process.env },
});
rmSync(outfile, { force: true });
process.exitCode = status ?? 1;
