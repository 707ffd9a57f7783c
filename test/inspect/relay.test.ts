import { request } from 'node:http';
import { networkInterfaces } from 'node:os';
import { describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import { type Relay, type RelayOptions, startRelay } from '../../src/inspect/relay.ts';
import { Stately, type StatelyMessage } from '../../src/inspect/stately.ts';

async function relay(options: RelayOptions = {}): Promise<Relay> {
  const started = await startRelay(options);
  onTestFinished(() => started.close());
  return started;
}

/** A page as the protocol knows it: what comes, parsed. */
class Page {
  readonly messages: StatelyMessage[] = [];
  readonly #socket: WebSocket;
  #wake = () => {};

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data) => {
      this.messages.push(JSON.parse(String(data)));
      this.#wake();
    });
  }

  static open(url: string, headers: Record<string, string> = {}): Promise<Page> {
    const socket = new WebSocket(url.replace('http', 'ws'), { headers });
    const page = new Page(socket);
    onTestFinished(() => socket.terminate());
    return new Promise((open, failed) => socket.on('open', () => open(page)).on('error', failed));
  }

  async heard(count: number): Promise<StatelyMessage[]> {
    while (this.messages.length < count)
      await new Promise<void>((wake) => {
        this.#wake = wake;
      });
    return this.messages;
  }

  close(): Promise<void> {
    return new Promise((closed) => this.#socket.on('close', () => closed()).close());
  }
}

function get(url: string, headers: Record<string, string> = {}, method = 'GET') {
  return new Promise<{ status: number | undefined; body: string; header: (name: string) => string }>(
    (done, failed) => {
      request(url, { headers, method }, (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (text: string) => {
          body += text;
        });
        const header = (name: string) => String(response.headers[name]);
        response.on('end', () => done({ status: response.statusCode, body, header }));
      })
        .on('error', failed)
        .end();
    },
  );
}

function call(sessionId: string) {
  const stately = new Stately(sessionId, () => 1_700_000_000_000);
  const facts = { callId: sessionId, machine: 'dialog', from: 'sip:a@h', to: 'sip:b@h' } as const;
  return {
    actor: stately.actor(facts, { status: 'active', value: 'ringing' }),
    event: (n: number) => stately.event({ type: 'request.other', n }),
  };
}

describe('the relay', () => {
  it('brings every message to every page', async () => {
    const it = await relay();
    const pages = [await Page.open(it.url), await Page.open(it.url)];
    const { actor, event } = call('x:1');
    it.send(actor);
    it.send(event(1));
    for (const page of pages)
      expect(await page.heard(2)).toEqual([actor, JSON.parse(JSON.stringify(event(1)))]);
  });

  it('begins with what a page has missed: actors first', async () => {
    const it = await relay();
    const [one, two] = [call('x:1'), call('x:2')];
    for (const message of [one.actor, one.event(1), two.actor, two.event(1)]) it.send(message);
    const page = await Page.open(it.url);
    const told = (await page.heard(4)).map(({ type, sessionId }) => `${type} ${sessionId}`);
    expect(told).toEqual([
      '@xstate.actor x:1',
      '@xstate.actor x:2',
      '@xstate.event x:1',
      '@xstate.event x:2',
    ]);
  });

  it('keeps the last messages, not all', async () => {
    const it = await relay();
    const { actor, event } = call('x:1');
    it.send(actor);
    for (let n = 0; n < 5000; n++) it.send(event(n));
    const page = await Page.open(it.url);
    it.send(call('x:2').actor);
    while (page.messages.at(-1)?.sessionId !== 'x:2') await page.heard(page.messages.length + 1);
    expect(page.messages[0]?.type).toBe('@xstate.actor');
    expect(page.messages.length).toBeLessThan(1002);
    expect(page.messages.at(-2)).toMatchObject({ event: { n: 4999 } });
  });

  it('says how many pages look', async () => {
    const counts: number[] = [];
    let changed = () => {};
    const it = await relay({
      onPages: (count) => {
        counts.push(count);
        changed();
      },
    });
    const page = await Page.open(it.url);
    const gone = new Promise<void>((done) => {
      changed = done;
    });
    await page.close();
    await gone;
    expect(counts).toEqual([1, 0]);
  });
});

describe('whoever comes to the relay', () => {
  it('with the address as printed gets the page, which frames the inspector and nobody else', async () => {
    const { url } = await relay();
    const { status, body, header } = await get(url);
    expect(status).toBe(200);
    expect(body).toContain('<iframe src="https://stately.ai/inspect"');
    expect(header('content-security-policy')).toMatch(/default-src 'none'.*frame-src https:\/\/stately\.ai /);
    expect(header('referrer-policy')).toBe('no-referrer');
  });

  it.each([
    ['without a token', (url: string) => url.replace(/\?.*/, '')],
    ['with another token', (url: string) => url.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'))],
    ['with half a token', (url: string) => url.slice(0, -4)],
    ['for another page', (url: string) => url.replace('/?', '/x?')],
    ['with a path that is none', (url: string) => url.replace('/?', '//?')],
  ])('%s is refused, page and socket', async (_how, changed) => {
    const { url } = await relay();
    expect((await get(changed(url))).status).toBe(403);
    await expect(Page.open(changed(url))).rejects.toThrow('403');
  });

  it.each(['https://stately.ai', 'https://evil.example', 'http://127.0.0.1:1', 'null'])(
    'as a page of %s is refused the socket, though it knows the token',
    async (Origin) => {
      const { url } = await relay();
      await expect(Page.open(url, { Origin })).rejects.toThrow('403');
    },
  );

  it('as its own page is let in', async () => {
    const { url } = await relay();
    await Page.open(url, { Origin: new URL(url).origin });
    await Page.open(url.replace('127.0.0.1', 'localhost'), {
      Origin: new URL(url).origin.replace('127.0.0.1', 'localhost'),
    });
  });

  it('by a foreign name that leads here is refused', async () => {
    const { url } = await relay();
    const { port } = new URL(url);
    expect((await get(url, { Host: `evil.example:${port}` })).status).toBe(403);
    await expect(Page.open(url, { Host: `evil.example:${port}` })).rejects.toThrow('403');
  });

  it('with anything but GET is refused', async () => {
    const { url } = await relay();
    expect((await get(url, {}, 'POST')).status).toBe(403);
  });

  it('over the network finds nobody', async () => {
    const { url } = await relay();
    const other = Object.values(networkInterfaces())
      .flatMap((all) => all ?? [])
      .find(({ internal, family }) => !internal && family === 'IPv4');
    // any of 127/8 is this machine, and none but 127.0.0.1 is listened on
    for (const host of ['127.0.0.2', ...(other === undefined ? [] : [other.address])])
      await expect(get(url.replace('127.0.0.1', host))).rejects.toThrow('ECONNREFUSED');
  });
});

it('a port that is taken is said', async () => {
  const { url } = await relay();
  await expect(startRelay({ port: Number(new URL(url).port) })).rejects.toThrow('EADDRINUSE');
});
