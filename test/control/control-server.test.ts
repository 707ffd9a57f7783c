import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { ask, ControlError } from '../../src/control/client.ts';
import { type Answering, ControlServer, type Exchange } from '../../src/control/control-server.ts';
import type { Question } from '../../src/control/lines.ts';
import { LONGEST_PATH, SOCKET_FILE } from '../../src/control/socket-path.ts';

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'callchart-'));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

async function serve(at: string, answers: Record<string, Answering> = {}): Promise<ControlServer> {
  const server = new ControlServer({ folder: at, answers });
  onTestFinished(() => server.close());
  await server.listen();
  return server;
}

async function all(at: string, question: Question, patience?: number): Promise<unknown[]> {
  const items: unknown[] = [];
  for await (const item of ask(at, question, patience === undefined ? {} : { patience })) items.push(item);
  return items;
}

/** The code with which asking fails. */
async function failure(
  at: string,
  question: Question = { ask: 'x' },
  patience?: number,
): Promise<ControlError> {
  const error = await all(at, question, patience).then(
    () => undefined,
    (cause: unknown) => cause,
  );
  if (error instanceof ControlError) return error;
  throw new Error(`it did not fail as it should: ${error}`);
}

/** What the server says to bytes as they are, until it closes or `lines` lines have come. */
function raw(at: string, bytes: string | Buffer, lines: number): Promise<unknown[]> {
  return new Promise((done) => {
    const socket = createConnection(join(at, SOCKET_FILE));
    let text = '';
    const end = () => {
      socket.destroy();
      const whole = text.split('\n').filter((line) => line !== '');
      done(whole.map((line) => JSON.parse(line)));
    };
    socket.on('data', (more) => {
      text += more;
      if (text.split('\n').length > lines) end();
    });
    socket.on('close', end).on('error', () => {});
    socket.write(bytes);
  });
}

const numbers = (count: number): Answering => {
  return (exchange) => exchange.list(Array.from({ length: count }, (_, n) => ({ n, text: 'x'.repeat(200) })));
};

describe('the control socket', () => {
  it('is its owner’s alone from the first moment', async () => {
    const at = folder();
    const mask = process.umask(0);
    try {
      await serve(at);
    } finally {
      process.umask(mask);
    }
    expect(statSync(join(at, SOCKET_FILE)).mode & 0o777).toBe(0o600);
    expect(readdirSync(at)).toEqual([SOCKET_FILE]);
  });

  it('leaves the mask for other files as it was', async () => {
    const before = process.umask();
    await serve(folder());
    expect(process.umask()).toBe(before);
  });

  it('goes when the server goes', async () => {
    const at = folder();
    const server = await serve(at);
    await server.close();
    expect(existsSync(join(at, SOCKET_FILE))).toBe(false);
    expect((await failure(at)).code).toBe('no-server');
  });

  it('of a dead server is found to be dead, and replaced', async () => {
    const at = folder();
    leaveDeadSocket(at);
    expect(statSync(join(at, SOCKET_FILE)).isSocket()).toBe(true);
    expect((await failure(at)).code).toBe('no-server');
    await serve(at, { hello: numbers(1) });
    expect(await all(at, { ask: 'hello' })).toHaveLength(1);
  });

  it('of a living server is left alone', async () => {
    const at = folder();
    await serve(at, { who: (exchange) => exchange.list(['first']) });
    await expect(new ControlServer({ folder: at, answers: {} }).listen()).rejects.toThrow(
      'another server answers',
    );
    expect(await all(at, { ask: 'who' })).toEqual(['first']);
    expect(readdirSync(at)).toEqual([SOCKET_FILE]);
  });

  it('that another server has taken meanwhile is not removed', async () => {
    const at = folder();
    const first = await serve(at);
    rmSync(join(at, SOCKET_FILE));
    await serve(at, { who: (exchange) => exchange.list(['second']) });
    await first.close();
    expect(await all(at, { ask: 'who' })).toEqual(['second']);
  });

  it("never takes the place of somebody's file", async () => {
    const at = folder();
    writeFileSync(join(at, SOCKET_FILE), 'precious');
    await expect(new ControlServer({ folder: at, answers: {} }).listen()).rejects.toThrow("somebody else's");
    expect(statSync(join(at, SOCKET_FILE)).isFile()).toBe(true);
    expect((await failure(at)).code).toBe('no-server');
  });

  it.runIf(process.platform === 'linux')(
    'works in a folder whose path is too long for the kernel',
    async () => {
      const at = join(folder(), 'x'.repeat(120));
      mkdirSync(at);
      expect(Buffer.byteLength(join(at, SOCKET_FILE))).toBeGreaterThan(LONGEST_PATH);
      expect((await failure(at)).code).toBe('no-server');
      const server = await serve(at, { hello: numbers(3) });
      expect(readdirSync(at)).toEqual([SOCKET_FILE]);
      expect(statSync(join(at, SOCKET_FILE)).mode & 0o777).toBe(0o600);
      expect(await all(at, { ask: 'hello' })).toHaveLength(3);
      await server.close();
      expect(readdirSync(at)).toEqual([]);
    },
  );

  it('is asked by its owner alone', async () => {
    // permission bits tell root nothing
    if (process.getuid?.() === 0) return;
    const at = folder();
    await serve(at);
    spawnSync('chmod', ['000', join(at, SOCKET_FILE)]);
    expect((await failure(at)).code).toBe('forbidden');
  });
});

describe('a control socket that is not there', () => {
  const hello = { hello: numbers(1) };

  it('is made again, its owner’s alone, and disturbs nobody who is connected', async () => {
    const at = folder();
    let stream: Exchange | undefined;
    const server = await serve(at, {
      ...hello,
      stream: (exchange) => {
        stream = exchange;
        exchange.item(1);
      },
    });
    const answer = ask(at, { ask: 'stream' });
    expect((await answer.next()).value).toBe(1);
    for (let i = 0; i < 3; i++) {
      rmSync(join(at, SOCKET_FILE));
      expect((await failure(at)).code).toBe('no-server');
      const mask = process.umask(0);
      try {
        expect(await server.listen()).toBe(true);
      } finally {
        process.umask(mask);
      }
      expect(statSync(join(at, SOCKET_FILE)).mode & 0o777).toBe(0o600);
      expect(readdirSync(at)).toEqual([SOCKET_FILE]);
      expect(await all(at, { ask: 'hello' })).toHaveLength(1);
    }
    stream?.item(2);
    expect((await answer.next()).value).toBe(2);
    stream?.done();
    expect((await answer.next()).done).toBe(true);
    await server.close();
    expect(readdirSync(at)).toEqual([]);
  });

  it('is looked for, and left alone as long as it is there', async () => {
    const at = folder();
    const server = await serve(at, hello);
    const { ino } = statSync(join(at, SOCKET_FILE));
    expect(await server.listen()).toBe(false);
    expect(statSync(join(at, SOCKET_FILE)).ino).toBe(ino);
  });

  it('is made when what was in its way has gone', async () => {
    const at = folder();
    writeFileSync(join(at, SOCKET_FILE), 'precious');
    const server = new ControlServer({ folder: at, answers: hello });
    onTestFinished(() => server.close());
    await expect(server.listen()).rejects.toThrow("somebody else's");
    rmSync(join(at, SOCKET_FILE));
    expect(await server.listen()).toBe(true);
    expect(await all(at, { ask: 'hello' })).toHaveLength(1);
  });

  it('is made in place of a dead one', async () => {
    const at = folder();
    const server = await serve(at, hello);
    rmSync(join(at, SOCKET_FILE));
    leaveDeadSocket(at);
    expect(await server.listen()).toBe(true);
    expect(await all(at, { ask: 'hello' })).toHaveLength(1);
  });

  it('is not made in place of a living server’s', async () => {
    const at = folder();
    const first = await serve(at);
    rmSync(join(at, SOCKET_FILE));
    const second = await serve(at, { who: (exchange) => exchange.list(['second']) });
    await expect(first.listen()).rejects.toThrow('another server answers');
    expect(await all(at, { ask: 'who' })).toEqual(['second']);
    await second.close();
    expect(await first.listen()).toBe(true);
  });

  it('is not made in another folder of that name', async () => {
    const at = folder();
    const server = await serve(at, hello);
    const moved = join(folder(), 'moved');
    renameSync(at, moved);
    await expect(server.listen()).rejects.toThrow('cannot be made');
    mkdirSync(at);
    await expect(server.listen()).rejects.toThrow('another folder');
    expect(readdirSync(at)).toEqual([]);
    expect(await all(moved, { ask: 'hello' })).toHaveLength(1);
  });

  it('is looked for by one at a time, and by none that ends', async () => {
    const at = folder();
    const server = await serve(at, hello);
    rmSync(join(at, SOCKET_FILE));
    const looks = [server.listen(), server.listen()];
    await server.close();
    expect(await Promise.all(looks)).toEqual([true, true]);
    expect(readdirSync(at)).toEqual([]);
    expect((await failure(at)).code).toBe('no-server');
  });
});

describe('an answer', () => {
  it('of very many items comes whole, and leaves time for everything else', async () => {
    const at = folder();
    await serve(at, { many: numbers(50_000) });
    let turns = 0;
    let ticking = true;
    const tick = () => {
      turns++;
      if (ticking) setImmediate(tick);
    };
    tick();
    const items = await all(at, { ask: 'many' });
    ticking = false;
    expect(items).toHaveLength(50_000);
    expect(items.at(-1)).toMatchObject({ n: 49_999 });
    // 12 MB in slices of 64 KB
    expect(turns).toBeGreaterThan(150);
  });

  it('waits for a client that reads slowly instead of filling the memory', async () => {
    const at = folder();
    let taken = 0;
    function* items() {
      for (let n = 0; n < 1_000_000; n++) {
        taken++;
        yield 'x'.repeat(1000);
      }
    }
    await serve(at, { many: (exchange) => exchange.list(items()), hello: numbers(1) });
    const socket = createConnection(join(at, SOCKET_FILE));
    socket.pause();
    socket.write('{"ask":"many"}\n');
    await vi.waitFor(() => expect(taken).toBeGreaterThan(0), 5000);
    // others are answered meanwhile, and it makes no progress
    for (let i = 0; i < 50; i++) await all(at, { ask: 'hello' });
    const before = taken;
    for (let i = 0; i < 50; i++) await all(at, { ask: 'hello' });
    expect(taken).toBe(before);
    expect(taken).toBeLessThan(10_000);
    socket.destroy();
  });

  it('to each of several questions comes in their order', async () => {
    const at = folder();
    await serve(at, {
      a: (exchange) => exchange.list(['a']),
      b: (exchange) => exchange.list(['b']),
    });
    expect(await raw(at, '{"ask":"a"}\n{"ask":"b"}\n{"ask":"a"}\n', 6)).toEqual([
      { item: 'a' },
      { done: true },
      { item: 'b' },
      { done: true },
      { item: 'a' },
      { done: true },
    ]);
  });

  it.each(['nonsense', '{"ask":"nope"}', '{}', '[]', 'null', '{"ask":5}', '{"ask":"constructor"}', ''])(
    'to %j is a refusal, and the next question is heard',
    async (line) => {
      const at = folder();
      await serve(at, { hello: (exchange) => exchange.list([1]) });
      const [refusal, ...rest] = await raw(at, `${line}\n{"ask":"hello"}\n`, 3);
      expect(refusal).toMatchObject({ error: { code: 'unknown-question' } });
      expect(rest).toEqual([{ item: 1 }, { done: true }]);
    },
  );

  it('to a line without an end is none', async () => {
    const at = folder();
    await serve(at, { hello: numbers(1) });
    expect(await raw(at, Buffer.alloc(200_000, 0x78), 1)).toEqual([]);
    expect(await all(at, { ask: 'hello' })).toHaveLength(1);
  });

  it('in which a bug shows says so, and the server goes on', async () => {
    const at = folder();
    await serve(at, {
      throws: () => {
        throw new Error('a bug');
      },
      // also when it shows only later
      breaks: (exchange) =>
        exchange.list(
          (function* () {
            for (let n = 0; n < 10_000; n++) yield 'x'.repeat(100);
            throw new Error('a bug');
          })(),
        ),
      hello: numbers(1),
    });
    expect(await failure(at, { ask: 'throws' })).toMatchObject({ code: 'refused', reason: 'bug' });
    expect(await failure(at, { ask: 'breaks' })).toMatchObject({ code: 'refused', reason: 'bug' });
    expect(await all(at, { ask: 'hello' })).toHaveLength(1);
  });

  it('that never comes ends the waiting', async () => {
    const at = folder();
    await serve(at, { silence: () => {} });
    expect((await failure(at, { ask: 'silence' }, 50)).code).toBe('no-answer');
  });

  it('of a server that ends in the middle is no whole answer', async () => {
    const at = folder();
    const server = await serve(at, { half: (exchange) => exchange.item('half') });
    const answer = ask(at, { ask: 'half' });
    expect((await answer.next()).value).toBe('half');
    await server.close();
    await expect(answer.next()).rejects.toMatchObject({ code: 'server-gone' });
  });

  it('is refused to one client too many', async () => {
    const at = folder();
    await serve(at, { silence: () => {}, hello: numbers(1) });
    const sockets = Array.from({ length: 64 }, () => createConnection(join(at, SOCKET_FILE)));
    await Promise.all(sockets.map((socket) => new Promise((done) => socket.once('connect', done))));
    expect(await failure(at, { ask: 'hello' })).toMatchObject({ code: 'refused', reason: 'busy' });
    for (const socket of sockets) socket.destroy();
    await vi.waitFor(async () => expect(await all(at, { ask: 'hello' })).toHaveLength(1), 5000);
  });
});

describe('a stream', () => {
  it('comes item by item, and ends for the server when the client goes', async () => {
    const at = folder();
    let exchange: Exchange | undefined;
    const gone = vi.fn();
    await serve(at, {
      stream: (begun) => {
        exchange = begun;
        begun.onGone(gone);
        begun.item(1);
      },
    });
    const stop = new AbortController();
    const answer = ask(at, { ask: 'stream' }, { patience: 0, signal: stop.signal });
    expect((await answer.next()).value).toBe(1);
    exchange?.item(2);
    expect((await answer.next()).value).toBe(2);
    stop.abort();
    expect((await answer.next()).done).toBe(true);
    await vi.waitFor(() => expect(gone).toHaveBeenCalledTimes(1), 5000);
  });

  it('to a client that does not read is cut off', async () => {
    const at = folder();
    const gone = vi.fn();
    await serve(at, {
      stream: (exchange) => {
        exchange.onGone(gone);
        const fill = () => {
          if (gone.mock.calls.length > 0) return;
          for (let i = 0; i < 100; i++) exchange.item('x'.repeat(10_000));
          setImmediate(fill);
        };
        fill();
      },
    });
    const socket = createConnection(join(at, SOCKET_FILE));
    socket.on('error', () => {});
    socket.pause();
    socket.write('{"ask":"stream"}\n');
    await vi.waitFor(() => expect(gone).toHaveBeenCalledTimes(1), 5000);
    socket.destroy();
  });
});

/** A process that is killed leaves its socket behind. */
function leaveDeadSocket(at: string): void {
  const path = JSON.stringify(join(at, SOCKET_FILE));
  const program = `require('node:net').createServer().listen(${path}, () => process.kill(process.pid, 'SIGKILL'))`;
  spawnSync(process.execPath, ['-e', program]);
}
