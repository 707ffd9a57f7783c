// Free UDP ports on an address of this machine, handed out without repetition.
import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { until } from './wait.ts';

const given = new Set<number>();
let next = 20_000 + (process.pid % 500) * 40;

function isFree(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
    socket.once('error', () => resolve(false));
    socket.bind(port, host, () => socket.close(() => resolve(true)));
  });
}

/** The first of `count` neighbouring free ports, even, as RTP wants them; below the range the kernel gives away itself. */
export async function freePort(count = 2, host = '127.0.0.1'): Promise<number> {
  for (let tries = 0; tries < 2_000; tries++) {
    const first = next;
    next = next + count + (count % 2);
    if (next > 32_000) next = 10_000;
    const wanted = Array.from({ length: count }, (_, i) => first + i);
    if (wanted.some((port) => given.has(port))) continue;
    const free = await Promise.all(wanted.map((port) => isFree(host, port)));
    if (!free.every(Boolean)) continue;
    for (const port of wanted) given.add(port);
    return first;
  }
  throw new Error(`no ${count} free UDP ports on ${host}`);
}

/** Waits until somebody on this machine listens at that UDP port (IPv4): SIPp says no word when it is ready. */
export async function listening(port: number): Promise<void> {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  const bound = new RegExp(`^ *\\d+: [0-9A-F]{8}:${hex} `, 'm');
  await until(`somebody at UDP port ${port}`, () => bound.test(readFileSync('/proc/net/udp', 'latin1')));
}
