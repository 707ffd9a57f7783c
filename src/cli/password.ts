// A password from whoever types it, without echo, or from a pipe.
import { StringDecoder } from 'node:string_decoder';
import { CommanderError } from 'commander';

const CTRL_C = '\x03';
const CTRL_D = '\x04';
const CTRL_U = '\x15';
const LONGEST = 1024;

/** One line: from a terminal after `prompt`, else the first line of stdin. */
export async function readPassword(prompt: string): Promise<string> {
  const { stdin } = process;
  const typed = stdin.isTTY === true;
  if (typed) {
    process.stderr.write(prompt);
    stdin.setRawMode(true);
  }
  try {
    return await line(typed);
  } finally {
    if (typed) {
      stdin.setRawMode(false);
      process.stderr.write('\n');
    }
    stdin.destroy();
  }
}

async function line(typed: boolean): Promise<string> {
  const decoder = new StringDecoder('utf8');
  let text = '';
  for await (const chunk of process.stdin) {
    for (const char of decoder.write(chunk as Buffer)) {
      if (char === '\n' || (typed && (char === '\r' || char === CTRL_D))) return withoutReturn(text);
      if (typed && char === CTRL_C) throw new CommanderError(130, 'interrupted', 'interrupted');
      if (typed && char === CTRL_U) text = '';
      else if (typed && (char === '\x7f' || char === '\b')) text = [...text].slice(0, -1).join('');
      else text += char;
      if (text.length > LONGEST) return text;
    }
  }
  return withoutReturn(text);
}

function withoutReturn(text: string): string {
  return text.endsWith('\r') ? text.slice(0, -1) : text;
}
