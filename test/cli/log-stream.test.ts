import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { LogStream } from '../../src/cli/log-stream.ts';
import { scratchFolder } from './command.ts';

function opened(path: string): number {
  const fd = openSync(path, 'a');
  onTestFinished(() => closeSync(fd));
  return fd;
}

test('writes every line once, in order, and says when it is done', async () => {
  const path = join(scratchFolder(), 'log');
  const stream = new LogStream(opened(path));
  const lines = Array.from({ length: 5000 }, (_, n) => `line ${n} – riadok\n`);
  for (const line of lines) stream.write(line);
  await stream.drain();
  expect(readFileSync(path, 'utf8')).toBe(lines.join(''));
  await stream.drain();
});

test('what waits can be written at once', () => {
  const path = join(scratchFolder(), 'log');
  const stream = new LogStream(opened(path), (line) => line.toUpperCase());
  stream.write('under way\n');
  stream.write('waits\n');
  stream.flushSync();
  expect(readFileSync(path, 'utf8')).toContain('WAITS\n');
});

test('a full disk costs the lines, and nothing else', async () => {
  const stream = new LogStream(opened('/dev/full'));
  stream.write('one\n');
  stream.write('two\n');
  await stream.drain();
  stream.write('three\n');
  stream.flushSync();
  await stream.drain();
});
