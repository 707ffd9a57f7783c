// Starts the floods: `node test/floods/run.mjs [PART [SEED [MUTATIONS]]]`. PART 1 is all of it, 0.02 a cut for every day.
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';

const here = import.meta.dirname;
const folder = path.resolve(here, '../../node_modules/.cache', `callchart-floods-${process.pid}`);
await build({
  entryPoints: {
    floods: path.join(here, 'floods.ts'),
    server: path.join(here, 'server.ts'),
  },
  outdir: folder,
  outExtension: { '.js': '.mjs' },
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20.19',
  packages: 'external',
  logLevel: 'warning',
});
const { status } = spawnSync(process.execPath, [path.join(folder, 'floods.mjs'), ...process.argv.slice(2)], {
  stdio: 'inherit',
});
rmSync(folder, { recursive: true, force: true });
process.exitCode = status ?? 1;
