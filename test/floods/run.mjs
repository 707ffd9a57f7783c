// Starts the floods: `node test/floods/run.mjs [PART [SEED [MUTATIONS]]]`. PART 1 is all of it, 0.02 a cut for every day.
import { spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';

const here = import.meta.dirname;
const folder = path.resolve(here, '../../node_modules/.cache', `callchart-floods-${process.pid}`);
await build({
  entryPoints: {
    floods: path.join(here, 'floods.ts'),
    server: path.join(here, 'server.ts'),
    // The thread of the ended calls looks for its program beside the server's.
    'records-worker': path.resolve(here, '../../src/store/records-worker.ts'),
  },
  outdir: folder,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20.19',
  packages: 'external',
  logLevel: 'warning',
});
writeFileSync(path.join(folder, 'package.json'), '{"type":"module"}');
const { status } = spawnSync(process.execPath, [path.join(folder, 'floods.js'), ...process.argv.slice(2)], {
  stdio: 'inherit',
});
rmSync(folder, { recursive: true, force: true });
process.exitCode = status ?? 1;
