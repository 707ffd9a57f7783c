// The store's disk fails the server: calls go on, what could not be kept is said, and what can be read comes back.
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { openDatabase } from '../../src/store/database.ts';
import { headerOf, seal } from '../../src/store/log-line.ts';
import { segmentName } from '../../src/store/segment.ts';
import { Puppet } from './puppet.ts';
import { Leg } from './puppet-leg.ts';
import { bundle, Server } from './server.ts';
import { until } from './wait.ts';

async function office() {
  const server = await Server.start();
  onTestFinished(async () => {
    await server.stop('SIGKILL');
    server.clear();
  });
  const phone = { domain: server.domain, server: server.address };
  const open = async (user: string) => {
    const puppet = await Puppet.open({ user, ...phone });
    onTestFinished(() => puppet.close());
    await puppet.register();
    return puppet;
  };
  const [anna, boris] = [await open('anna'), await open('boris')];
  const store = join(server.data, 'store');
  const segments = () => readdirSync(store).filter((name) => name.endsWith('.log'));
  const logged = (what: string) =>
    until(`"${what}" in the log`, () => server.output.find((line) => line.includes(what)), {
      seen: () => server.output.join('\n'),
    });
  return { server, anna, boris, open, store, segments, logged };
}

async function callUp(anna: Puppet, boris: Puppet) {
  const out = Leg.open(anna, boris.aor);
  const inc = await Leg.incoming(boris, 'INVITE', out.callId);
  inc.respond(180, 'Ringing');
  await out.response(180);
  inc.respond(200, 'OK');
  await out.response(200);
  out.ack();
  await inc.request('ACK');
  const { callId } = out;
  const diary = [
    `Incomming Call From: ${anna.aor} >> To: ${boris.aor}`,
    `\tCall Ringing at ${boris.aor}`,
    `\tCall Answered by ${boris.aor}`,
  ];
  const hangUp = async () => {
    out.send('BYE');
    boris.reply(await inc.request('BYE'), 200, 'OK');
    await out.response(200, 'BYE');
  };
  return { callId, hangUp, diary, whole: [...diary, '\tCall Has Ended'] };
}

function callchart(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [bundle, ...args], {
    encoding: 'utf8',
    timeout: 20_000,
  });
  return { status, out: stdout, err: stderr };
}

/** A small disk, mounted there; undefined: this machine lets nobody mount one. */
function mounted(folder: string, size: string): (() => void) | undefined {
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', folder]);
  return status === 0 ? () => void spawnSync('umount', ['-l', folder]) : undefined;
}

function canMount(): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'callchart-disk-'));
  const unmount = mounted(folder, '1m');
  unmount?.();
  rmSync(folder, { recursive: true, force: true });
  return unmount !== undefined;
}

/** Takes what room there is, to the last byte; gives it back. */
function fill(folder: string): () => void {
  const ballast = join(folder, 'ballast');
  for (let size = 1 << 20; size >= 1; ) {
    try {
      appendFileSync(ballast, Buffer.alloc(size));
    } catch {
      size >>= 1;
    }
  }
  return () => rmSync(ballast);
}

test.skipIf(!canMount())(
  'the store is on a full disk: calls go on, and are kept as soon as there is room (needs to mount a tmpfs)',
  async () => {
    const { server, anna, boris, store, logged } = await office();
    await server.stop();
    rmSync(store, { recursive: true });
    mkdirSync(store);
    onTestFinished(mounted(store, '4m') ?? (() => {}));
    await server.restart();
    await anna.register();
    await boris.register();
    const before = await callUp(anna, boris);
    const makeRoom = fill(store);
    const during = await callUp(anna, boris);
    const ended = await callUp(anna, boris);
    await ended.hangUp();
    // What fits into the last page of a file still goes in.
    for (let i = 0; i < 20; i++) await (await callUp(anna, boris)).hangUp();
    await logged('the store cannot be written: calls go on');
    await logged('ended calls cannot be stored: ');
    const failing = callchart('status', '--data', server.data);
    expect(failing.status).toBe(1);
    expect(failing.out).toMatch(
      /^serving, not ready: store failed, ended calls cannot be stored; .*; store failed: \d{2,} bytes wait for the disk \(ENOSPC: .*\); \d+ ended calls cannot be stored: /,
    );
    expect(JSON.parse(callchart('status', '--data', server.data, '--json').out)).toMatchObject({
      state: 'serving',
      ready: false,
      store: {
        state: 'failed',
        waiting: expect.any(Number),
        problem: expect.stringContaining('ENOSPC'),
      },
    });
    expect(callchart('calls', '--past', '--data', server.data).err).toMatch(
      /^\d+ ended calls? waits? for the disk/m,
    );
    expect(callchart('call', 'nobody', '--data', server.data)).toMatchObject({
      status: 1,
      err: expect.stringMatching(/no call has the Call-ID nobody; \d+ ended calls? waits? for the disk/),
    });
    makeRoom();
    await logged('the store keeps up again');
    await logged('ended calls are stored again');
    expect(callchart('status', '--data', server.data)).toMatchObject({
      status: 0,
      out: expect.stringMatching(/^serving; .*; store ok\n$/),
    });
    await server.restart('SIGKILL');
    for (const call of [before, during]) {
      await call.hangUp();
      await server.wrote(call.callId, call.whole);
    }
    await server.wrote(ended.callId, ended.whole);
    expect(callchart('call', ended.callId, '--data', server.data).out).toMatch(/outcome +answered/);
  },
);

test.skipIf(!canMount())(
  'a server that is killed on a full disk starts on it, with its calls (needs to mount a tmpfs)',
  async () => {
    const { server, anna, boris, logged } = await office();
    await server.stop();
    onTestFinished(mounted(server.data, '4m') ?? (() => {}));
    await server.restart();
    await anna.register();
    await boris.register();
    const call = await callUp(anna, boris);
    const makeRoom = fill(server.data);
    await server.restart('SIGKILL');
    await logged('the data folder takes nothing: the disk is full. Calls go on');
    await logged('restored 1 call, 2 bindings');
    const another = await callUp(boris, anna);
    await another.hangUp();
    makeRoom();
    await call.hangUp();
    for (const { callId, whole } of [call, another]) await server.wrote(callId, whole);
    await server.restart('SIGKILL');
    expect(callchart('call', call.callId, '--data', server.data).out).toMatch(/outcome +answered/);
  },
);

test('a database of garbage is set aside and said, and another is begun', async () => {
  const { server, anna, boris, store, logged } = await office();
  await server.stop();
  for (const part of ['-wal', '-shm', '']) rmSync(join(store, `records.db${part}`), { force: true });
  const garbage = randomBytes(20_000);
  writeFileSync(join(store, 'records.db'), garbage);
  await server.restart();
  expect(await logged('records.db is damaged')).toContain('records.db.damaged-1');
  expect(readFileSync(join(store, 'records.db.damaged-1')).equals(garbage)).toBe(true);
  const call = await callUp(anna, boris);
  await call.hangUp();
  await until('the call in the new database', () =>
    callchart('calls', '--past', '--data', server.data).out.includes(call.callId),
  );
});

test('a log that is damaged in its middle and torn at its end gives what is whole, and says so', async () => {
  const { server, anna, boris, open, store, segments, logged } = await office();
  const call = await callUp(anna, boris);
  const carol = await open('carol');
  const dora = await open('dora');
  await server.stop('SIGKILL');
  const path = join(store, segments().at(-1) ?? '');
  const text = readFileSync(path, 'latin1');
  const at = text.indexOf(carol.hostPort);
  expect(at).toBeGreaterThan(0);
  writeFileSync(
    path,
    `${text.slice(0, at)}X${text.slice(at + 1)}12345678 99 + b:sip:half@a.line {"con`,
    'latin1',
  );
  await server.restart();
  expect(await logged('the store was damaged')).toMatch(/"torn":1,"corrupt":1/);
  await logged('restored 1 call, 3 bindings');
  await call.hangUp();
  await server.wrote(call.callId, call.whole);
  dora.ask('MESSAGE', anna.aor, [], 'hello');
  anna.reply(await anna.request('MESSAGE'), 200, 'OK');
  dora.ask('MESSAGE', carol.aor, [], 'hello');
  await dora.response(480, 'MESSAGE');
  await carol.register();
  await server.restart('SIGKILL');
  await logged('restored 0 calls, 4 bindings');
});

test('a store of a newer version is refused in one line, and nothing of it is touched', async () => {
  const { server, anna, boris, store } = await office();
  await (await callUp(anna, boris)).hangUp();
  await server.stop();
  const listing = () =>
    readdirSync(store).map((name) => [name, readFileSync(join(store, name)).toString('base64')]);
  const refused = () => {
    const before = listing();
    const { status, out, err } = callchart(
      ...['serve', '--listen', `udp:${server.hostPort}`, '--domain', server.domain, '--data', server.data],
    );
    expect([status, out, err.split('\n').length]).toEqual([2, '', 2]);
    expect(listing()).toEqual(before);
    return err;
  };
  const newer = Buffer.from(headerOf(99), 'latin1');
  seal(newer, 0, newer.length);
  const segment = join(store, segmentName(99_999));
  writeFileSync(segment, newer);
  expect(refused()).toMatch(/live-00099999\.log has format 99/);
  rmSync(segment);
  const database = openDatabase(join(store, 'records.db'));
  database.exec('PRAGMA user_version = 99');
  database.close();
  expect(refused()).toMatch(/records\.db.*99.*newer/);
});

test('a second server on the same folder is refused, and the first serves on, with its socket or without', async () => {
  const { server, anna, boris, logged } = await office();
  const call = await callUp(anna, boris);
  const socket = join(server.data, 'control.sock');
  const link = `${server.data}-link`;
  symlinkSync(server.data, link);
  onTestFinished(() => rmSync(link));
  const refused = (data: string) => {
    const { status, err } = callchart('serve', '--listen', 'udp:127.0.0.1:0', '--data', data);
    expect([status, err]).toEqual([
      2,
      expect.stringMatching(/^callchart: another server keeps its journal in .*\n$/),
    ]);
  };
  refused(server.data);
  expect(existsSync(socket)).toBe(true);
  // a file of somebody else's keeps the socket from coming back
  rmSync(socket);
  writeFileSync(socket, '');
  refused(server.data);
  refused(link);
  rmSync(socket);
  await logged('the control socket is there again');
  expect(callchart('status', '--data', server.data).out).toMatch(/^serving; 1 call/);
  await call.hangUp();
  await server.wrote(call.callId, call.whole);
  await server.restart('SIGKILL');
});

test.skipIf(!canMount())(
  'a server on a read-only disk is alone there, and has its control socket when the disk can be written again (needs to mount a tmpfs)',
  async () => {
    const { server, logged } = await office();
    await server.stop();
    onTestFinished(mounted(server.data, '8m') ?? (() => {}));
    const remount = (how: string) =>
      expect(spawnSync('mount', ['-o', `remount,${how}`, server.data]).status).toBe(0);
    await server.restart();
    // its dead socket stays there, and the disk lets nobody replace it
    await server.stop('SIGKILL');
    remount('ro');
    await server.restart();
    await logged('no control socket');
    const second = callchart('serve', '--listen', 'udp:127.0.0.1:0', '--data', server.data);
    expect([second.status, second.err]).toEqual([
      2,
      expect.stringMatching(/^callchart: another server keeps its journal in .*\n$/),
    ]);
    expect(callchart('status', '--data', server.data).status).toBe(3);
    remount('rw');
    await logged('the control socket is there again');
    // the database is tried again once a second
    const status = () => callchart('status', '--data', server.data);
    await vi.waitFor(() => expect(status()).toMatchObject({ status: 0 }), { timeout: 10_000, interval: 200 });
    expect(status().out).toMatch(/^serving; .*store ok$/m);
  },
);
