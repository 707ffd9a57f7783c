// What the tests of one file share: a server for all of them, phones and puppets that end with their test.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFailed, onTestFinished } from 'vitest';
import { Baresip } from './baresip.ts';
import { Linphone, type PhoneOptions } from './linphone.ts';
import { freePort } from './ports.ts';
import type { Program } from './program.ts';
import { Puppet } from './puppet.ts';
import { Server, type ServerOptions } from './server.ts';
import { type SippOptions, sipp } from './sipp.ts';

/** `user`: another phone of somebody who has one already. */
type More = Partial<Pick<PhoneOptions, 'user' | 'video' | 'host' | 'netns' | 'password' | 'settings'>>;

let people = 0;

/** A name nobody else has on this server. */
function named(name: string): string {
  return `${name}${++people}`;
}

export class Stage {
  #server: Server | undefined;
  #folder = '';

  /** Call at the top of a test file. */
  static open(options: ServerOptions = {}): Stage {
    const stage = new Stage();
    beforeAll(async () => {
      stage.#folder = mkdtempSync(join(tmpdir(), 'callchart-phones-'));
      stage.#server = await Server.start(options);
    }, 60_000);
    afterAll(async () => {
      const server = stage.#server;
      if (server === undefined) return;
      const status = await server.stop();
      const [errors, unexpected] = [server.errors(), server.unexpected()];
      server.clear();
      rmSync(stage.#folder, { recursive: true, force: true });
      expect(errors).toEqual([]);
      expect(unexpected).toEqual([]);
      // It stops when asked, whatever the phones have done to it.
      expect(status, server.output.slice(-20).join('\n')).toBe(0);
    }, 60_000);
    return stage;
  }

  get server(): Server {
    if (this.#server === undefined) throw new Error('the server is not there yet');
    return this.#server;
  }

  #phone(name: string, { user = named(name), ...more }: More): PhoneOptions {
    return {
      user,
      server: this.server.hostPort,
      domain: this.server.domain,
      folder: mkdtempSync(join(this.#folder, `${user}-`)),
      ...more,
    };
  }

  /** A registered phone; what it has sent and received is shown when the test fails. */
  async linphone(name: string, more: More = {}): Promise<Linphone> {
    const phone = await Linphone.start(this.#phone(name, more));
    onTestFinished(() => phone.stop());
    onTestFailed(() => console.log(trace(phone)));
    return phone;
  }

  async baresip(name: string, more: More = {}): Promise<Baresip> {
    const phone = await Baresip.start(this.#phone(name, more));
    onTestFinished(() => phone.stop());
    onTestFailed(() => console.log(trace(phone)));
    return phone;
  }

  /** An endpoint that does what the test says; registered unless told otherwise. */
  async puppet(name: string, options: { registered?: boolean; host?: string } = {}): Promise<Puppet> {
    const { domain, port } = this.server;
    const host = options.host ?? this.server.host;
    const puppet = await Puppet.open({ user: named(name), domain, host, server: { host, port } });
    onTestFinished(() => puppet.close());
    onTestFailed(() =>
      console.log(
        puppet.aor,
        puppet.inbox.all.map((m) => `${m.start} ${m.callId}`),
      ),
    );
    if (options.registered ?? true) await puppet.register();
    return puppet;
  }

  /** Who SIPp is in several scenarios: its name, its ports, its folder. */
  async sippAt(name: string): Promise<SippOptions> {
    return {
      server: this.server.address,
      domain: this.server.domain,
      user: named(name),
      port: await freePort(),
      rtpPort: await freePort(4),
      folder: mkdtempSync(join(this.#folder, 'sipp-')),
    };
  }

  /** Runs one of SIPp's scenarios. */
  async sipp(scenario: string, options: SippOptions): Promise<Program> {
    const program = await sipp(scenario, options);
    onTestFinished(async () => void (await program.stop()));
    return program;
  }
}

function trace(phone: Linphone | Baresip): string {
  const lines = phone.messages().map(({ direction, text }) => {
    const cseq = /^CSeq: *(.*?)\r?$/im.exec(text)?.[1] ?? '';
    return `  ${direction === 'in' ? '<-' : '->'} ${text.split('\r\n')[0]} (${cseq})`;
  });
  return [phone.aor, ...lines, ...phone.lines.slice(-15)].join('\n');
}
