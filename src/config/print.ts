// Writes the effective configuration as YAML that could be read again, with where each value came from.
import { stringify } from 'yaml';
import type { Loaded } from './load.ts';
import { fileOnly, options } from './options.ts';

export function printConfig({ config, origin }: Loaded): string {
  const lines: string[] = [];
  let section = '';
  for (const option of options) {
    const [first = '', key] = option.path.split('.');
    if (key !== undefined && first !== section) lines.push(`${first}:`);
    section = key === undefined ? '' : first;
    const value = option.show(config);
    const text =
      value === undefined ? '' : ` ${stringify(value, { collectionStyle: 'flow', lineWidth: 0 }).trim()}`;
    const entry = `${key === undefined ? '' : '  '}${key ?? first}:${text}`;
    for (const { path, count } of fileOnly) {
      if (lines.at(-1) !== `${section}:` || !path.startsWith(`${section}.`) || count(config) === 0) continue;
      lines.push(
        `#  ${path.split('.')[1]}: ${count(config)} not shown`.padEnd(44).concat(` # ${origin(path)}`),
      );
    }
    lines.push(`${value === undefined ? '#' : ''}${entry.padEnd(44)} # ${origin(option.path)}`);
  }
  return `${lines.join('\n')}\n`;
}
