// Starts the soak: `node test/soak/run.mjs [CALLS [HELD]]`. Bundles its TypeScript on the fly and runs with `--expose-gc`.
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const here = import.meta.dirname;
const outfile = path.resolve(here, '../../node_modules/.cache', `callchart-soak-${process.pid}.mjs`);
await build({
  entryPoints: [path.join(here, 'soak.ts')],
  outfile,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20.19',
  packages: 'external',
  logLevel: 'warning',
});
const [calls = '200000', held = '10000'] = process.argv.slice(2);
const program = `import { soak } from ${JSON.stringify(pathToFileURL(outfile).href)}; soak(${Number(calls)}, ${Number(held)});`;
const { status } = spawnSync(process.execPath, ['--expose-gc', '--input-type=module', '-e', program], {
  stdio: 'inherit',
});
rmSync(outfile, { force: true });
process.exitCode = status ?? 1;
