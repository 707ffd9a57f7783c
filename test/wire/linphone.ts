// Linphone's console phone (Debian: linphone-cli) driven by lines on its standard input and read from its log.
import { closeSync, existsSync, mkdirSync, openSync, readSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from './ports.ts';
import { Program } from './program.ts';
import { writeTone } from './sound.ts';
import { until } from './wait.ts';

export interface PhoneOptions {
  readonly user: string;
  /** Where it registers and sends everything: `host:port`. */
  readonly server: string;
  readonly domain: string;
  /** A folder for this one phone. */
  readonly folder: string;
  readonly host?: string;
  readonly netns?: string;
  readonly video?: boolean;
  readonly password?: string;
  /** Lines of a phone's own configuration, put at its end. */
  readonly settings?: readonly string[];
}

/** One SIP message as the phone's log shows it. */
export interface Logged {
  readonly direction: 'in' | 'out';
  readonly text: string;
}

const CODECS = [
  ['PCMU', 8_000, 1],
  ['PCMA', 8_000, 1],
  ['opus', 48_000, 2],
  ['speex', 32_000, 1],
  ['speex', 16_000, 1],
  ['speex', 8_000, 1],
  ['G729', 8_000, 1],
  ['GSM', 8_000, 1],
  ['G722', 8_000, 1],
] as const;

const CHUNK = Buffer.alloc(65_536);

const EDGE = /channel \[[^\]]+\]: (?:message (sent) to|received) .*?(?:size: )?\[(\d+)\]/;

function settings(options: PhoneOptions, port: number, rtp: number): string {
  const video = options.video === true ? 1 : 0;
  return [
    '[sip]',
    'auto_net_state_mon=0',
    'ipv6_migration_done=1',
    'use_ipv6=0',
    `sip_port=${port}`,
    'sip_tcp_port=0',
    'sip_tls_port=0',
    'register_only_when_network_is_up=0',
    'guess_hostname=0',
    `contact="${options.user}" <sip:${options.user}@${options.host ?? '127.0.0.1'}>`,
    'default_proxy=0',
    '[rtp]',
    `audio_rtp_port=${rtp}`,
    `video_rtp_port=${rtp + 10}`,
    `text_rtp_port=${rtp + 20}`,
    '[proxy_0]',
    `reg_proxy=<sip:${options.server}>`,
    `reg_route=<sip:${options.server};lr>`,
    `reg_identity=sip:${options.user}@${options.domain}`,
    'reg_expires=600',
    'reg_sendregister=1',
    'publish=0',
    '[video]',
    `capture=${video}`,
    'display=0',
    `automatically_initiate=${video}`,
    `automatically_accept=${video}`,
    'size=qcif',
    // G.711 alone: the others cost a small machine its timing.
    ...CODECS.flatMap(([mime, rate, channels], at) => [
      `[audio_codec_${at}]`,
      `mime=${mime}`,
      `rate=${rate}`,
      `channels=${channels}`,
      `enabled=${mime.startsWith('PCM') ? 1 : 0}`,
    ]),
    ...(options.password === undefined
      ? []
      : [
          '[auth_info_0]',
          `username=${options.user}`,
          `domain=${options.domain}`,
          `passwd=${options.password}`,
        ]),
    ...(options.settings ?? []),
    '',
  ].join('\n');
}

export class Linphone {
  readonly aor: string;
  readonly port: number;
  readonly #program: Program;
  readonly #path: string;
  #log = '';
  #read = 0;
  #file: number | undefined;
  readonly #messages: Logged[] = [];
  #parsed = 0;
  readonly #tone: string;

  private constructor(aor: string, port: number, program: Program, log: string, tone: string) {
    this.aor = aor;
    this.port = port;
    this.#program = program;
    this.#path = log;
    this.#tone = tone;
  }

  /** Starts it and waits until it is registered. */
  static async start(options: PhoneOptions): Promise<Linphone> {
    // Without this folder it finds no place for its databases and does not start.
    mkdirSync(join(options.folder, '.local/share/linphone'), { recursive: true });
    const host = options.netns === undefined ? (options.host ?? '127.0.0.1') : '127.0.0.1';
    const port = await freePort(2, host);
    const rtp = await freePort(30, host);
    const rc = join(options.folder, 'linphonerc');
    const log = join(options.folder, 'linphone.log');
    const tone = join(options.folder, 'tone.wav');
    writeFileSync(rc, settings(options, port, rtp));
    writeTone(tone);
    const program = new Program(
      'linphonec',
      ['-c', rc, '-l', log, '-d', '6', '-S', ...(options.video === true ? ['-C'] : [])],
      {
        name: `linphonec ${options.user}`,
        env: { HOME: options.folder, XDG_DATA_HOME: '', XDG_CONFIG_HOME: '', DISPLAY: '' },
        cwd: options.folder,
        ...(options.netns === undefined ? {} : { netns: options.netns }),
      },
    );
    const phone = new Linphone(`sip:${options.user}@${options.domain}`, port, program, log, tone);
    program.say('soundcard use files');
    try {
      await phone.logged(/moving from state \[LinphoneRegistrationProgress\] to \[LinphoneRegistrationOk\]/);
    } catch (error) {
      await program.stop();
      throw error;
    }
    return phone;
  }

  say(command: string): void {
    this.#program.say(command);
  }

  /** Waits for a line it prints for people, after what was printed before `from`. */
  async prints(fits: RegExp, from = 0): Promise<void> {
    await this.#program.line(fits, { from });
  }

  get lines(): readonly string[] {
    return this.#program.lines;
  }

  get here(): number {
    return this.#program.here;
  }

  call(uri: string): void {
    this.say(`call ${uri}`);
  }

  /** Answers when it rings and plays a tone into the call. */
  async answer(): Promise<void> {
    await this.reaches('IncomingReceived');
    this.say('answer');
  }

  hangUp(): void {
    this.say('terminate');
  }

  /** Gives the other side something to hear. */
  play(): void {
    this.say(`play ${this.#tone}`);
  }

  /** All it has logged; only what is new is read. */
  log(): string {
    if (this.#file === undefined) {
      if (!existsSync(this.#path)) return '';
      this.#file = openSync(this.#path, 'r');
    }
    for (;;) {
      const count = readSync(this.#file, CHUNK, 0, CHUNK.length, this.#read);
      if (count === 0) return this.#log;
      this.#read += count;
      this.#log += CHUNK.toString('latin1', 0, count);
    }
  }

  /** Waits for something in its log, `times` times. */
  async logged(fits: RegExp, times = 1): Promise<void> {
    const every = new RegExp(fits.source, 'g');
    await until(
      `${this.#program.name} to log ${fits}`,
      () => (this.log().match(every)?.length ?? 0) >= times,
      {
        seen: () => this.#program.lines.slice(-20).join('\n'),
      },
    );
  }

  /** Waits until a call of it has come to that state (`StreamsRunning`, `PausedByRemote`, `End` ...) `times` times. */
  async reaches(state: string, times = 1): Promise<void> {
    await this.logged(new RegExp(`moving from state LinphoneCall\\w+ to LinphoneCall${state}\\n`), times);
  }

  /** Waits until the state its call came to last is that one. */
  async is(state: string): Promise<void> {
    await until(`${this.#program.name} to be ${state}`, () => {
      const last = [...this.log().matchAll(/moving from state LinphoneCall\w+ to LinphoneCall(\w+)\n/g)].at(
        -1,
      );
      return last?.[1] === state;
    });
  }

  /** The SIP messages it has sent and received so far. */
  messages(): readonly Logged[] {
    const log = this.log();
    for (;;) {
      const end = log.indexOf('\n', this.#parsed);
      if (end < 0) return this.#messages;
      const edge = EDGE.exec(log.slice(this.#parsed, end));
      const next = end + 1 + (edge === null ? 0 : Number(edge[2]));
      if (next > log.length) return this.#messages;
      if (edge !== null) {
        this.#messages.push({ direction: edge[1] === 'sent' ? 'out' : 'in', text: log.slice(end + 1, next) });
      }
      this.#parsed = next;
    }
  }

  /** Waits for a SIP message whose text fits. */
  async message(direction: 'in' | 'out', fits: RegExp): Promise<string> {
    return until(
      `${this.#program.name} ${direction} ${fits}`,
      () => this.messages().find((m) => m.direction === direction && fits.test(m.text))?.text,
    );
  }

  /** Waits until sound goes out and comes in: its own measure, in kbit/s, both above `floor`. */
  async hearsAndSpeaks(kind: 'audio' | 'video' = 'audio', floor = 5): Promise<void> {
    const measured = new RegExp(`\\(${kind}\\)[^\\n]*RTP : \\[d=([\\d.]+),u=([\\d.]+)\\]`, 'g');
    await until(`${kind} both ways at ${this.#program.name}`, () => {
      const log = this.log();
      const running = log.slice(log.lastIndexOf('to LinphoneCallStreamsRunning'));
      const last = [...running.matchAll(measured)].at(-1);
      return last !== undefined && Number(last[1]) > floor && Number(last[2]) > floor;
    });
  }

  /** Packets its finished audio streams have sent and received, as it counts them when a stream ends. */
  rtp(): { sent: number; received: number } {
    const sum = (word: string): number =>
      [...this.log().matchAll(new RegExp(`ortp-message-${word} +(\\d+) packets`, 'g'))].reduce(
        (total, found) => total + Number(found[1]),
        0,
      );
    return { sent: sum('sent'), received: sum('received') };
  }

  async stop(): Promise<void> {
    await this.#program.stop();
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }
}
