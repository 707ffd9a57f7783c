// Writes the effective configuration as YAML that could be read again, with where each value came from.
import { stringify } from 'yaml';
import type { Loaded } from './load.ts';
import { options } from './options.ts';

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
    lines.push(`${value === undefined ? '#' : ''}${entry.padEnd(44)} # ${origin(option.path)}`);
  }
  return `${lines.join('\n')}\n`;
}
