// The baresip phone (Debian: baresip-core) driven by JSON over its ctrl_tcp socket.
import { mkdirSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import type { Logged, PhoneOptions } from './linphone.ts';
import { freePort } from './ports.ts';
import { Program } from './program.ts';
import { writeTone } from './sound.ts';
import { Inbox, until } from './wait.ts';

/** What it tells of itself: `CALL_INCOMING`, `CALL_ESTABLISHED`, `CALL_CLOSED`, `REGISTER_OK` ... */
interface Event {
  readonly event: true;
  readonly type: string;
  readonly param?: string;
}

interface Answer {
  readonly response: true;
  readonly ok: boolean;
  readonly data: string;
  readonly token?: string;
}

function config(options: PhoneOptions, sip: number, control: number, rtp: number, tone: string): string {
  const host = options.host ?? '127.0.0.1';
  const modules = ['g711', 'aufile', 'aubridge', 'account', 'menu', 'ctrl_tcp'];
  if (options.video === true) modules.push('vp8', 'fakevideo');
  return [
    `sip_listen ${host}:${sip}`,
    // It leaves the loopback interface out unless told to use it.
    ...(host.startsWith('127.') ? ['net_interface 127.0.0.1'] : [`net_interface ${host}`]),
    `rtp_ports ${rtp}-${rtp + 40}`,
    'rtp_stats yes',
    'call_max_calls 4',
    `audio_source aufile,${tone}`,
    'audio_player aubridge,phone',
    'audio_alert aubridge,alert',
    'ausrc_srate 8000',
    'auplay_srate 8000',
    'ausrc_channels 1',
    'auplay_channels 1',
    `ctrl_tcp_listen ${host}:${control}`,
    ...(options.video === true
      ? ['video_source fakevideo,nil', 'video_display fakevideo,nil', 'video_size 176x144', 'video_fps 5']
      : []),
    'module_path /usr/lib/baresip/modules',
    ...modules.map(
      (name) => `${['account', 'menu', 'ctrl_tcp'].includes(name) ? 'module_app' : 'module'} ${name}.so`,
    ),
    ...(options.settings ?? []),
    '',
  ].join('\n');
}

export class Baresip {
  readonly aor: string;
  readonly events = new Inbox<Event>((event) => `${event.type} ${event.param ?? ''}`);
  readonly #program: Program;
  readonly #hostPort: string;
  readonly #answers = new Inbox<Answer>((answer) => JSON.stringify(answer));
  #control: Socket | undefined;
  #count = 0;

  private constructor(aor: string, hostPort: string, program: Program) {
    this.aor = aor;
    this.#hostPort = hostPort;
    this.#program = program;
  }

  /** Starts it and waits until it is registered. */
  static async start(options: PhoneOptions): Promise<Baresip> {
    mkdirSync(options.folder, { recursive: true });
    const host = options.host ?? '127.0.0.1';
    const probe = options.netns === undefined ? host : '127.0.0.1';
    const sip = await freePort(2, probe);
    const control = await freePort(2, probe);
    const tone = join(options.folder, 'tone.wav');
    writeTone(tone);
    writeFileSync(
      join(options.folder, 'config'),
      config(options, sip, control, await freePort(42, probe), tone),
    );
    const account = [
      `<sip:${options.user}@${options.domain};transport=udp>`,
      `outbound="sip:${options.server};transport=udp"`,
      `auth_pass=${options.password ?? 'none'}`,
      'regint=600',
      'audio_codecs=PCMU/8000/1',
      `video_codecs=${options.video === true ? 'VP8' : ''}`,
      'mwi=no',
    ].join(';');
    writeFileSync(join(options.folder, 'accounts'), `${account}\n`);
    writeFileSync(join(options.folder, 'contacts'), '');
    const program = new Program('stdbuf', ['-oL', 'baresip', '-4', '-s', '-f', options.folder], {
      name: `baresip ${options.user}`,
      cwd: options.folder,
      env: { HOME: options.folder },
      ...(options.netns === undefined ? {} : { netns: options.netns }),
    });
    const phone = new Baresip(`sip:${options.user}@${options.domain}`, `${host}:${sip}`, program);
    try {
      await program.line(/baresip is ready/);
      await phone.#connect(control, host);
      await program.line(/\[\d+ bindings?\]|200 OK .*[Rr]egist|: 200 /);
    } catch (error) {
      await phone.stop();
      throw error;
    }
    return phone;
  }

  async #connect(port: number, host: string): Promise<void> {
    this.#control = await new Promise<Socket>((resolve, reject) => {
      const socket = connect(port, host, () => resolve(socket));
      socket.once('error', reject);
    });
    this.#control.on('error', () => {});
    let buffered = Buffer.alloc(0);
    this.#control.on('data', (chunk: Buffer) => {
      buffered = Buffer.concat([buffered, chunk]);
      for (;;) {
        const colon = buffered.indexOf(':');
        if (colon < 0) return;
        const size = Number(buffered.toString('latin1', 0, colon));
        if (buffered.length < colon + size + 2) return;
        const json: unknown = JSON.parse(buffered.toString('utf8', colon + 1, colon + 1 + size));
        buffered = buffered.subarray(colon + size + 2);
        if (isEvent(json)) this.events.push(json);
        else this.#answers.push(json as Answer);
      }
    });
  }

  /** Runs a command of its menu (`dial`, `accept`, `hold` ...) and gives back what it prints. */
  async command(command: string, params = ''): Promise<string> {
    const token = `t${++this.#count}`;
    const json = JSON.stringify({ command, params, token });
    this.#control?.write(`${Buffer.byteLength(json)}:${json},`);
    const answer = await this.#answers.take(`the answer to ${command}`, (one) => one.token === token);
    return answer.data;
  }

  async event(type: string): Promise<Event> {
    return this.events.take(`${type} from ${this.#program.name}`, (event) => event.type === type);
  }

  async call(uri: string): Promise<void> {
    await this.command('dial', uri);
  }

  async answer(): Promise<void> {
    await this.event('CALL_INCOMING');
    await this.command('accept');
  }

  async hangUp(): Promise<void> {
    await this.command('hangup');
  }

  get lines(): readonly string[] {
    return this.#program.lines;
  }

  /** The SIP messages it has sent and received, from its trace. */
  messages(): Logged[] {
    const found: Logged[] = [];
    let open: { direction: 'in' | 'out'; lines: string[] } | undefined;
    for (const line of this.#program.lines) {
      const edge = /^UDP (\S+) -> (\S+)$/.exec(line);
      if (edge !== null) open = { direction: edge[1] === this.#hostPort ? 'out' : 'in', lines: [] };
      else if (open !== undefined && line.startsWith('\x1b[;m')) {
        found.push({ direction: open.direction, text: `${open.lines.join('\r\n')}\r\n` });
        open = undefined;
      } else open?.lines.push(line);
    }
    return found;
  }

  /** Waits for a SIP message whose text fits. */
  async message(direction: 'in' | 'out', fits: RegExp): Promise<string> {
    return until(
      `${this.#program.name} ${direction} ${fits}`,
      () => this.messages().find((m) => m.direction === direction && fits.test(m.text))?.text,
    );
  }

  /** Waits until the other side's sound has come. */
  async hears(kind: 'audio' | 'video' = 'audio'): Promise<void> {
    await this.events.take(
      `${kind} at ${this.#program.name}`,
      (event) => event.type === 'CALL_RTPESTAB' && event.param === kind,
    );
  }

  /** RTP packets of its calls that are over, as it prints them when a call ends. */
  async rtp(kind: 'audio' | 'video' = 'audio'): Promise<{ sent: number; received: number }> {
    const packets = await until(`${this.#program.name} to count its packets`, () => {
      const at = this.#program.lines.findLastIndex(
        (line) => line.startsWith(`${kind} `) && line.includes('Transmit:'),
      );
      return at < 0 ? undefined : /packets: +(\d+) +(\d+)/.exec(this.#program.lines[at + 1] ?? '');
    });
    return { sent: Number(packets?.[1]), received: Number(packets?.[2]) };
  }

  async stop(): Promise<void> {
    this.#control?.destroy();
    await this.#program.stop();
  }
}

function isEvent(json: unknown): json is Event {
  return typeof json === 'object' && json !== null && 'event' in json;
}
