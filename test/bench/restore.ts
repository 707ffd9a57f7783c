// How long a server takes to come back: writes a store with many calls and registrations, starts the real server on it.
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { begin, type Call, DOMAIN, insideLines, type Phone, register } from '../soak/calls.ts';
import { House } from '../soak/house.ts';
import { freePort } from '../wire/ports.ts';
import { Program } from '../wire/program.ts';

export const RESTORE_HELP = `npm run bench -- --restore [CALLS=10000] [BINDINGS=100000] [--max-ms 3000]
  from the start of the server to its word that it is ready, with that many live calls and registrations in its store`;

const KEY = 'the key of a server that is started to be measured';
const LOCAL = '127.0.0.1';

/** Exit code: 1 when it takes longer than `--max-ms`, restores less, or does not know a call any more. */
export async function bench(argv: readonly string[], { root }: { readonly root: string }): Promise<number> {
  const words = argv.filter((word) => word !== '--restore' && word !== '--no-build');
  const at = words.indexOf('--max-ms');
  const [, limit = '3000'] = at < 0 ? [] : words.splice(at, 2);
  const [calls = 10_000, bindings = 100_000] = words.map(Number);
  if (words.length > 2 || !(calls > 0 && bindings >= 2 * calls && Number(limit) > 0)) {
    process.stderr.write(`${RESTORE_HELP}\n  at least two registrations for each call\n`);
    return 2;
  }
  const folder = mkdtempSync(path.join(tmpdir(), 'callchart-restore-'));
  const [anna, boris] = [await opened(), await opened()];
  try {
    const port = await freePort();
    const call = await furnish(folder, port, calls, bindings, [anna, boris]);
    const program = new Program(
      process.execPath,
      [
        ...[path.join(root, 'dist/callchart.js'), 'serve', '--listen', `udp:${LOCAL}:${port}`],
        ...['--domain', DOMAIN, '--data', folder, '--log-format', 'json'],
      ],
      { name: 'callchart', life: 120 },
    );
    const from = performance.now();
    try {
      const came = program.line(/"msg":"restored (\d+) calls?.*, (\d+) bindings?/, { within: 100_000 });
      const restored = came.then((words) => ({ words, ms: performance.now() - from }));
      await program.line(/ is ready /, { within: 100_000 });
      const ready = performance.now() - from;
      const { words, ms } = await restored;
      const memory = memoryOf(program.pid ?? 0);
      const reached = await hangUp(call, port, anna, boris);
      process.stdout.write(
        `restored ${words[1]} calls, ${words[2]} bindings after ${ms.toFixed(0)} ms, ready after ${ready.toFixed(0)} ms, ` +
          `${memory} MB; ${reached ? 'a call of before was ended' : 'the BYE of a call of before did NOT get through'}\n`,
      );
      const isWhole = Number(words[1]) === calls && Number(words[2]) === bindings;
      return isWhole && reached && ready <= Number(limit) ? 0 : 1;
    } finally {
      await program.stop('SIGKILL');
    }
  } finally {
    for (const { socket } of [anna, boris]) socket.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Seat {
  readonly socket: Socket;
  readonly port: number;
}

async function opened(): Promise<Seat> {
  const socket = createSocket('udp4');
  socket.bind(0, LOCAL);
  await once(socket, 'listening');
  return { socket, port: socket.address().port };
}

/** A store as a server leaves it that was killed in the middle of calls; gives the one between two phones that are there. */
async function furnish(
  folder: string,
  port: number,
  calls: number,
  bindings: number,
  [anna, boris]: readonly [Seat, Seat],
): Promise<Call> {
  writeFileSync(path.join(folder, 'secret.key'), `${KEY}\n`, { mode: 0o600 });
  const many = 1_000_000;
  const house = await House.open({
    folder,
    at: { address: LOCAL, port },
    key: KEY,
    config: {
      domains: [DOMAIN],
      open: true,
      limits: { transactions: many, calls: many, bindings: many, memory: '100GB' },
    },
  });
  const phone = (n: number): Phone => {
    const seat = [anna, boris][n];
    return seat === undefined
      ? { user: `user${n}`, address: `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`, port: 5060 }
      : { user: `user${n}`, address: LOCAL, port: seat.port };
  };
  for (let n = 0; n < bindings; n++) {
    register(house, phone(n));
    if (n % 10_000 === 9_999) house.pass(40_000);
  }
  let first: Call | undefined;
  for (let n = 0; n < calls; n++) {
    const call = begin(house, n, 'answered', phone(2 * n), phone(2 * n + 1));
    first ??= call;
    if (n % 10_000 === 9_999) house.pass(40_000);
  }
  const { dialogs } = house.alive;
  await house.close();
  if (first === undefined || dialogs !== calls) throw new Error(`${dialogs} of ${calls} calls are up`);
  return first;
}

async function hangUp(call: Call, port: number, anna: Seat, boris: Seat): Promise<boolean> {
  const heard = once(boris.socket, 'message', { signal: AbortSignal.timeout(5000) });
  const text = `${insideLines(call, 'BYE', 2).join('\r\n')}\r\nContent-Length: 0\r\n\r\n`;
  anna.socket.send(text, port, LOCAL);
  return heard.then(
    ([bytes]) => String(bytes).startsWith('BYE '),
    () => false,
  );
}

/** MB, of the server itself: `pid` is its leash. */
function memoryOf(pid: number): string {
  const read = (file: string) => readFileSync(file, 'latin1');
  const child = read(`/proc/${pid}/task/${pid}/children`).trim().split(' ')[0];
  const kb = /^VmRSS:\s+(\d+) kB/m.exec(read(`/proc/${child}/status`))?.[1];
  return (Number(kb) / 1024).toFixed(0);
}
