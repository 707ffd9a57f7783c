import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { WebSocket } from 'ws';
import { Puppet } from '../wire/puppet.ts';
import { Leg } from '../wire/puppet-leg.ts';
import { build, bundle, Server } from '../wire/server.ts';

/** The program as people run it. */
function callchart(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [bundle, ...args], { encoding: 'utf8' });
  return { status, out: stdout, err: stderr };
}

/** The same where an answer needs this process: the phones live in it. */
function started(...args: string[]) {
  const child = spawn(process.execPath, [bundle, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  let out = '';
  const ended = new Promise<{ code: number | null; out: string }>((done) =>
    child.on('close', (code) => done({ code, out })),
  );
  const said = (pattern: RegExp) =>
    new Promise<RegExpExecArray>((done, failed) => {
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        out += text;
        const found = pattern.exec(out);
        if (found !== null) done(found);
      });
      void ended.then(() => failed(new Error(`it ended without ${pattern}: ${out}`)));
    });
  return { child, ended, said };
}

/** Messages of the inspector as a page on that address gets them. */
async function page(url: string) {
  const socket = new WebSocket(url.replace('http', 'ws'));
  onTestFinished(() => socket.terminate());
  const messages: { type: string; name?: string; event?: { type: string }; snapshot?: { value: unknown } }[] =
    [];
  let wake = () => {};
  socket.on('message', (data) => {
    messages.push(JSON.parse(String(data)));
    wake();
  });
  await new Promise((open, failed) => socket.on('open', open).on('error', failed));
  /** Until the call has taken that event. */
  const until = async (event: string) => {
    while (!messages.some((one) => one.type === '@xstate.snapshot' && one.event?.type === event))
      await new Promise<void>((next) => {
        wake = next;
      });
  };
  return { messages, until };
}

describe('with a server', () => {
  let server: Server;
  let anna: Puppet;
  let boris: Puppet;

  beforeAll(async () => {
    server = await Server.start();
    const phone = { domain: server.domain, server: server.address };
    anna = await Puppet.open({ user: 'anna', ...phone });
    boris = await Puppet.open({ user: 'boris', ...phone });
    await anna.register();
    await boris.register();
  }, 60_000);

  afterAll(async () => {
    await Promise.all([anna.close(), boris.close()]);
    await server.stop();
    server.clear();
  });

  async function answered() {
    const out = Leg.open(anna, boris.aor);
    const inc = await Leg.incoming(boris, 'INVITE', out.callId);
    inc.respond(180, 'Ringing');
    await out.response(180);
    inc.respond(200, 'OK');
    await out.response(200);
    out.ack();
    await inc.request('ACK');
    return { out, inc, callId: out.callId };
  }

  async function hangUp({ out, inc }: Awaited<ReturnType<typeof answered>>) {
    out.send('BYE');
    boris.reply(await inc.request('BYE'), 200, 'OK');
    await out.response(200, 'BYE');
  }

  it('the socket in its folder is its owner’s alone', () => {
    expect(statSync(join(server.data, 'control.sock')).mode & 0o777).toBe(0o600);
  });

  it('its calls, registrations and drops are listed', async () => {
    const call = await answered();
    const data = ['--data', server.data];
    expect(callchart('calls', ...data).out).toMatch(
      new RegExp(`confirmed, audio +${anna.aor} +${boris.aor} +${call.callId}\n`),
    );
    expect(JSON.parse(callchart('calls', ...data, '--json').out)).toMatchObject({ callId: call.callId });
    expect(callchart('call', call.callId, ...data).out).toMatch(
      /trying +INVITE of the caller\n.*ringing +180\n/,
    );
    expect(JSON.parse(callchart('call', call.callId, ...data, '--json').out).states).toHaveLength(3);
    expect(callchart('registrations', ...data).out).toContain(boris.aor);
    expect(callchart('drops', ...data)).toMatchObject({ status: 0, out: 'nothing was dropped\n' });
    await hangUp(call);
    expect(callchart('calls', ...data).out).toBe('no calls\n');
  });

  it('a call that is over is told from the store', async () => {
    const call = await answered();
    await hangUp(call);
    await server.record(call.callId);
    const { status, out } = callchart('call', call.callId, '--data', server.data);
    expect(status).toBe(0);
    expect(out).toMatch(/\n {2}state +terminated\n/);
    expect(out).toMatch(
      /\n {2}ended +.* \(after \d+ ms\)\n {2}outcome +answered \(ended by the caller, 0:00 of talk\)\n/,
    );
    expect(out).toMatch(
      /trying +INVITE of the caller\n.*ringing +180\n.*confirmed, audio +200\n.*terminating +BYE of the caller\n.*terminated +200\n/,
    );
  });

  it('a call that there is not is one line, and exit code 1', () => {
    const { status, out, err } = callchart('call', 'nobody@nowhere', '--data', server.data);
    expect([status, out, err]).toEqual([1, '', 'callchart: no call has the Call-ID nobody@nowhere\n']);
  });

  it('the chosen call and no other is shown on a page of its own', async () => {
    const call = await answered();
    const other = await answered();
    const inspect = started('inspect', call.callId, '--data', server.data);
    const [url = ''] = await inspect.said(/http:\/\/127\.0\.0\.1:\d+\/\?token=\S+/);
    const { messages, until } = await page(url);
    await hangUp(other);
    await hangUp(call);
    await until('bye.answered');
    expect(messages.flatMap(({ name }) => name ?? [])).toEqual([`dialog ${call.callId}`]);
    expect(messages.flatMap(({ event, type }) => (type === '@xstate.event' ? [event?.type] : []))).toEqual([
      'request.bye',
      'bye.answered',
    ]);
    inspect.child.kill('SIGINT');
    expect((await inspect.ended).code).toBe(0);
  });

  it('the next call is printed as it goes, and then the command ends', async () => {
    const inspect = started('inspect', '--next', '1', '--json', '--data', server.data);
    // nothing says that it listens, so the calls are made until one is seen
    const seen = inspect.said(/"@xstate\.actor"/);
    let isSeen = false;
    void seen.then(() => {
      isSeen = true;
    });
    while (!isSeen) await hangUp(await answered());
    const { code, out } = await inspect.ended;
    expect(code).toBe(0);
    const lines = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines[0]).toMatchObject({ type: '@xstate.actor', snapshot: { value: 'idle' } });
    expect(lines.at(-1)).toMatchObject({ type: '@xstate.snapshot', snapshot: { value: 'terminated' } });
    expect(new Set(lines.map(({ sessionId }) => sessionId)).size).toBe(1);
  });

  it.each([[[]], [['x', '--next', '1']], [['--next', '0']], [['--next', 'two']], [['x', '--port', '70000']]])(
    'inspect %j is refused in one line, with exit code 2',
    (args) => {
      const { status, err } = callchart('inspect', ...args, '--data', server.data);
      expect(status).toBe(2);
      expect(err).toMatch(/^callchart: .*\n$/);
    },
  );
});

describe('with a server that is inspected', () => {
  it('every call is shown while a page looks', async () => {
    const server = await Server.start({ args: ['--inspect'] });
    onTestFinished(async () => {
      await server.stop();
      server.clear();
    });
    const phone = { domain: server.domain, server: server.address };
    const anna = await Puppet.open({ user: 'anna', ...phone });
    onTestFinished(() => anna.close());
    const url = await vi.waitUntil(
      () => /http:\/\/127\.0\.0\.1:\d+\/\?token=\S+/.exec(server.output.join('\n'))?.[0],
      10_000,
    );
    const { messages, until } = await page(url);
    Leg.open(anna, `sip:nobody@${server.domain}`);
    await until('response.failure');
    expect(messages[0]).toMatchObject({ type: '@xstate.actor', snapshot: { value: 'idle' } });
    expect(messages.at(-1)).toMatchObject({ type: '@xstate.snapshot', snapshot: { value: 'declined' } });
  });
});

describe('without a server', () => {
  beforeAll(build, 60_000);

  it.each(['calls', 'call x', 'registrations', 'drops --json', 'inspect x', 'inspect --next 1'])(
    '%s says so in one line, with exit code 3',
    (words) => {
      const folder = mkdtempSync(join(tmpdir(), 'callchart-'));
      onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
      const { status, out, err } = callchart(...words.split(' '), '--data', folder);
      expect([status, out]).toEqual([3, '']);
      expect(err).toBe(
        `callchart: no server runs in ${folder}; start one with "callchart serve", or give its folder with --data\n`,
      );
    },
  );

  it('the charts are printed all the same', () => {
    expect(callchart('machines').out).toMatch(/^dialog +\d+ states, \d+ arrows: /);
    expect(callchart('machines', 'dialog').out).toMatch(/^stateDiagram-v2\n/);
    expect(JSON.parse(callchart('machines', 'dialog', '--format', 'json').out).name).toBe('dialog');
    expect(callchart('machines', 'dialog', '--format', 'svg').out).toContain(
      'id="dialog.confirmed.media.video"',
    );
    expect(callchart('machines', 'nope')).toMatchObject({
      status: 2,
      err: 'callchart: there is no chart "nope"; there are dialog, subscription\n',
    });
  });
});
