// Builds the server once, before the files of this suite start one each.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

export default function build(): void {
  if (process.env.CALLCHART !== undefined) return;
  const cwd = join(import.meta.dirname, '../..');
  execFileSync(process.execPath, ['src/build.mjs'], { cwd, stdio: 'inherit' });
}
