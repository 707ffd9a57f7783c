import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { ControlServer } from '../../src/control/control-server.ts';
import { FolderLock, lockName } from '../../src/control/folder-lock.ts';

const KEY = 'the secret of this folder';

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'callchart-'));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

/** Without patience, unless it is said. */
async function take(at: string, patience = 0): Promise<FolderLock | undefined> {
  const lock = await FolderLock.take(at, KEY, patience);
  onTestFinished(async () => lock?.release());
  return lock;
}

/** Another process, which listens under the lock's name; resolves when it does. */
async function holder(at: string) {
  const name = JSON.stringify(lockName(at, KEY));
  const program = `require('node:net').createServer().listen(${name}, () => console.log('held'))`;
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  return child;
}

describe.runIf(process.platform === 'linux')('the lock on a data folder', () => {
  it('has a name that nobody knows who does not know the folder’s secret', () => {
    const at = folder();
    expect(lockName(at, 'a guess')).not.toBe(lockName(at, KEY));
  });

  it('keeps no process alive', async () => {
    const alive = () => process.getActiveResourcesInfo().filter((one) => one === 'PipeWrap').length;
    const before = alive();
    expect(await take(folder())).toBeDefined();
    // its look for a control socket closes in a moment
    await vi.waitFor(() => expect(alive()).toBe(before), 5000);
  });

  it('is one process’s, until it lets go, and leaves nothing in the folder', async () => {
    const at = folder();
    const first = await take(at);
    expect(first).toBeDefined();
    expect(await take(at)).toBeUndefined();
    expect(readdirSync(at)).toEqual([]);
    await first?.release();
    expect(await take(at)).toBeDefined();
  });

  it('is the same however the folder is spelled, and wherever it has moved', async () => {
    const at = folder();
    const link = join(folder(), 'link');
    symlinkSync(at, link);
    expect(await take(at)).toBeDefined();
    for (const other of [link, `${at}/`, `${at}/../${at.split('/').at(-1)}/.`, relative('.', at)])
      expect(await take(other)).toBeUndefined();
    const moved = join(folder(), 'moved');
    renameSync(at, moved);
    expect(await take(moved)).toBeUndefined();
    mkdirSync(at);
    expect(await take(at)).toBeDefined();
  });

  it('of one folder leaves all others free', async () => {
    expect(await take(folder())).toBeDefined();
    expect(await take(folder())).toBeDefined();
  });

  it('goes with a process that is killed', async () => {
    const at = folder();
    const child = await holder(at);
    expect(await take(at)).toBeUndefined();
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await take(at)).toBeDefined();
  });

  it('is waited for while a server that ends writes its last', async () => {
    const at = folder();
    const first = await take(at);
    const second = take(at, 10_000);
    await first?.release();
    expect(await second).toBeDefined();
  });

  it('has as many bytes in its name as the kernel takes: how a shorter one is filled up is Node’s own way', () => {
    expect(Buffer.byteLength(lockName(folder(), KEY) ?? '')).toBe(108);
  });

  it('hears nobody', async () => {
    const at = folder();
    await take(at);
    const socket = createConnection(lockName(at, KEY) ?? '');
    socket.on('error', () => {});
    await once(socket, 'close');
  });

  it('is not to be had while a server answers, though that holds it in a network of its own', async () => {
    const at = folder();
    const server = new ControlServer({ folder: at, answers: {} });
    await server.listen();
    expect(await take(at)).toBeUndefined();
    await server.close();
    expect(await take(at)).toBeDefined();
  });
});

describe('where there is no such lock', () => {
  it('the control socket is the only guard', async () => {
    const { platform } = process;
    Object.defineProperty(process, 'platform', { value: 'darwin' });
    onTestFinished(() => void Object.defineProperty(process, 'platform', { value: platform }));
    const at = folder();
    expect(await take(at)).toBeDefined();
    expect(await take(at)).toBeDefined();
    const server = new ControlServer({ folder: at, answers: {} });
    await server.listen();
    expect(await take(at)).toBeUndefined();
    await server.close();
  });
});
