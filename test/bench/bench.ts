// Owns a benchmark's course: which servers, in what order they are loaded, what is told, and that all ends.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { isKamailio } from './kamailio.ts';
import { readCpuProfile, readHeapProfile, type Shares, Sources, shares } from './layers.ts';
import { Load } from './load.ts';
import { measureCalls, measureRefreshes, type Subject, type Window } from './measure.ts';
import { HELP, type Options, readOptions, UsageError } from './options.ts';
import { Awake, pinned, privileged, settleSelf, stopAll } from './processes.ts';
import { allocationTable, type CpuSplit, cpuTable, median, table, windowTable } from './report.ts';
import { isOurs, type Server, startServer } from './server.ts';
import { measureBySipp } from './sipp.ts';

interface Places {
  /** This folder, and the product's. */
  readonly here: string;
  readonly root: string;
}

export async function bench(argv: string[], places: Places): Promise<number> {
  let options: Options | undefined;
  try {
    options = readOptions(argv);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return 2;
  }
  if (!options) {
    process.stdout.write(`${HELP}\n`);
    return 0;
  }
  const course = new Course(options, places);
  const halt = (why: string) => {
    process.stderr.write(`bench: ${why}\n`);
    void stopAll().then(() => process.exit(1));
  };
  process.once('SIGINT', () => halt('interrupted'));
  process.once('SIGTERM', () => halt('interrupted'));
  const limit = longest(options);
  const watch = setTimeout(() => halt(`not done after ${limit} s`), limit * 1000);
  try {
    return await course.run();
  } catch (error) {
    process.stderr.write(`bench: ${error instanceof Error ? error.message : error}\n`);
    return 1;
  } finally {
    clearTimeout(watch);
    course.close();
    await stopAll();
    course.tidy();
  }
}

/** Seconds after which something must have gone wrong. */
function longest(o: Options): number {
  const turns = (o.peer === undefined ? 1 : 2 * o.pairs) + (o.profile ? 2 : 0);
  const cells = o.grow ? 5 * (o.peer === undefined ? 1 : 2) : 0;
  const held = (o.hold / o.rate) * 4 + o.settle;
  return (
    120 +
    2 * (o.warmup + held + o.users / 200) +
    turns * (o.seconds + 30) +
    cells * (o.warmup + o.seconds + 300)
  );
}

interface Memory {
  readonly held: number;
  readonly before: number;
  readonly atOnce: number;
  readonly later: number | undefined;
}

interface Seen {
  readonly name: string;
  readonly subject: Subject;
  readonly windows: Window[];
  firstRegister: number;
  refresh: number;
  memory: Memory | undefined;
}

class Course {
  readonly #options: Options;
  readonly #places: Places;
  readonly #out: string;
  #awake: Awake | undefined;
  readonly #loads: Load[] = [];
  #servers = 0;
  #passed = false;

  constructor(options: Options, places: Places) {
    this.#options = options;
    this.#places = places;
    this.#out =
      options.out === undefined
        ? mkdtempSync(path.join(tmpdir(), 'callchart-bench-'))
        : path.resolve(options.out);
    mkdirSync(this.#out, { recursive: true });
  }

  async run(): Promise<number> {
    const { server, peer, build, grow } = this.#options;
    if (build && [server, peer].some((spec) => spec !== undefined && isOurs(spec))) {
      const built = spawnSync(process.execPath, ['src/build.mjs'], {
        cwd: this.#places.root,
        stdio: 'inherit',
      });
      if (built.status !== 0) throw new Error('src/build.mjs failed; --no-build measures what is there');
    }
    settleSelf();
    this.#awake = new Awake(this.#options.alone);
    const pin = pinned ? 'server on core 0, generator apart' : 'not pinned: no taskset here';
    this.#say(`${pin}; ${privileged ? 'before' : 'among'} other work; logs in ${this.#out}`);
    const code = await (grow ? this.#grow() : this.#compare());
    this.#passed = code === 0;
    return code;
  }

  /** What nobody asked to keep goes; after a failure it stays. */
  tidy(): void {
    if (this.#passed && this.#options.out === undefined && !this.#options.profile) {
      rmSync(this.#out, { recursive: true, force: true });
    }
  }

  close(): void {
    for (const load of this.#loads) load.close();
  }

  #say(line: string): void {
    if (!this.#options.quiet) process.stderr.write(`${line}\n`);
  }

  #tell(text: string, json: unknown): void {
    process.stdout.write(`${this.#options.json ? JSON.stringify(json) : text}\n`);
  }

  /** A server that runs and knows its users. */
  async #seat(peer: boolean, users: number): Promise<Seen> {
    const o = this.#options;
    const spec = peer && o.peer !== undefined ? o.peer : o.server;
    const node = peer ? o.peerNode : o.node;
    this.#servers += 1;
    const name = isKamailio(spec) || isOurs(spec) ? spec : peer ? 'peer' : 'server';
    const folder = path.join(this.#out, `${this.#servers}-${name}`);
    mkdirSync(folder, { recursive: true });
    const profiler = o.profile && !peer ? path.join(this.#places.here, 'profiler.mjs') : undefined;
    const server = await startServer({ spec, node, root: this.#places.root, folder, profiler });
    const plan = { serverPort: server.port, users, ring: o.ring, talk: o.talk };
    const load = new Load(o.sipp ? { ...plan, contactPort: this.#sippPort(server) } : plan);
    this.#loads.push(load);
    await load.open();
    if (!(await load.reach(20, () => server.dead)))
      throw new Error(`${name} does not answer; see ${server.log}`);
    server.recount();
    const before = server.usage().cpu;
    const registered = await load.registerAll();
    const firstRegister = (server.usage().cpu - before) / users;
    if (registered < users) {
      throw new Error(
        `${name}: ${users - registered} of ${users} not registered: ${[...load.tally.failures.keys()]}`,
      );
    }
    this.#say(`${name}: ${users} users registered, ${firstRegister.toFixed(0)} µs each`);
    const subject = { name, server, load };
    return { name, subject, windows: [], firstRegister, refresh: Number.NaN, memory: undefined };
  }

  #sippPort(server: Server): number {
    // the port beside the server's is as free as any other; SIPp says so if it is not
    return server.port < 65_000 ? server.port + 1 : server.port - 1;
  }

  async #window(seen: Seen, lead: number, around?: (begin: boolean) => Promise<void>): Promise<Window> {
    const o = this.#options;
    const awake = this.#needAwake();
    const { rate, seconds, users, ring, talk } = o;
    const turn = seen.windows.length;
    const calleePort = this.#sippPort(seen.subject.server);
    const held = seen.memory?.held ?? 0;
    const window = o.sipp
      ? await measureBySipp(seen.subject, awake, { rate, lead, seconds, users, ring, talk, calleePort, turn })
      : await measureCalls(seen.subject, awake, { rate, lead, seconds, held, ...(around ? { around } : {}) });
    if (seen.subject.server.dead) throw new Error(`${seen.name} died; see ${seen.subject.server.log}`);
    if (!around) seen.windows.push(window);
    this.#say(
      `${seen.name}: ${window.cpuPerCall.toFixed(1)} µs/call at ${window.callsPerSecond.toFixed(0)} calls/s, ` +
        `${window.failed} failed, others had ${(100 * window.othersShare).toFixed(0)} % of the core`,
    );
    return window;
  }

  #needAwake(): Awake {
    if (!this.#awake) throw new Error('not awake yet');
    return this.#awake;
  }

  async #hold(seen: Seen, calls: number): Promise<void> {
    const { server, load } = seen.subject;
    const before = server.usage().memory;
    const held = await load.hold(calls, this.#options.rate);
    if (held < calls) throw new Error(`${seen.name}: only ${held} of ${calls} calls are up`);
    const atOnce = server.usage().memory;
    const { settle } = this.#options;
    if (settle > 0) await new Promise((resolve) => setTimeout(resolve, settle * 1000));
    seen.memory = { held, before, atOnce, later: settle > 0 ? server.usage().memory : undefined };
  }

  async #compare(): Promise<number> {
    const o = this.#options;
    const all = [await this.#seat(false, o.users)];
    if (o.peer !== undefined) all.push(await this.#seat(true, o.users));
    for (const seen of all) await this.#warm(seen);
    if (o.hold > 0) for (const seen of all) await this.#hold(seen, o.hold);
    const turns = o.peer === undefined ? 1 : o.pairs;
    for (let turn = 0; turn < turns; turn += 1) {
      // SIPp warms a server as part of its first turn
      const lead = o.sipp && turn === 0 ? o.warmup : Math.min(2, o.warmup);
      for (const seen of all) await this.#window(seen, lead);
    }
    for (const seen of all) {
      if (o.sipp) continue;
      const seconds = Math.max(2, o.seconds / 4);
      seen.refresh = await measureRefreshes(seen.subject, this.#needAwake(), {
        rate: Math.max(o.rate, 200),
        seconds,
      });
      await seen.subject.load.drain(8, seen.memory?.held ?? 0);
    }
    const profile = o.profile && all[0] ? await this.#profile(all[0]) : undefined;
    for (const seen of all) {
      if (seen.memory) await seen.subject.load.hangUpAll(o.rate);
      await seen.subject.load.drain(8);
      await seen.subject.server.stop();
    }
    return this.#conclude(all, profile);
  }

  /** Load that is not measured: a compiler at run time needs calls to get warm, and so do caches. */
  async #warm(seen: Seen): Promise<void> {
    const { load } = seen.subject;
    if (this.#options.sipp || this.#options.warmup === 0) return;
    seen.subject.server.recount();
    load.startCalling(this.#options.rate);
    await new Promise((resolve) => setTimeout(resolve, this.#options.warmup * 1000));
    load.stop();
    await load.drain(8);
  }

  #conclude(all: readonly Seen[], profile: { text: string; json: unknown } | undefined): number {
    const o = this.#options;
    const windows = all.flatMap((seen) => seen.windows.map((window) => [seen.name, window] as const));
    const [ours, theirs] = all.map((seen) => seen.windows.map((window) => window.cpuPerCall));
    const ratios = theirs ? (ours ?? []).map((cpu, i) => cpu / (theirs[i] ?? Number.NaN)) : [];
    const registers = all.map((seen) => [
      seen.name,
      seen.firstRegister.toFixed(0),
      Number.isNaN(seen.refresh) ? '-' : seen.refresh.toFixed(0),
      ...memoryCells(seen.memory),
    ]);
    const heads = [
      '',
      'first REGISTER µs',
      'refresh µs',
      'held calls',
      'bytes per held call',
      `after ${o.settle} s`,
    ];
    const texts = [windowTable(windows), '', table([heads, ...registers])];
    if (ratios.length > 0) {
      texts.push(
        '',
        `ratio ${ratios.map((r) => r.toFixed(2)).join(' ')}: median ${median(ratios).toFixed(2)}`,
      );
    }
    if (profile) texts.push('', profile.text);
    const servers = all.map((seen) => ({ ...seen, subject: undefined }));
    this.#tell(texts.join('\n'), {
      options: o,
      servers,
      ratios,
      ratio: median(ratios),
      profile: profile?.json,
    });
    const failed = all.some(
      (seen) => seen.subject.load.tally.failed > 0 || seen.windows.some((w) => w.failed > 0),
    );
    return failed || median(ratios) > o.maxRatio ? 1 : 0;
  }

  async #profile(seen: Seen): Promise<{ text: string; json: unknown }> {
    const { server } = seen.subject;
    const sources = new Sources(this.#places.root);
    const measured = async (name: string): Promise<{ text: string; split: CpuSplit }> => {
      const file = path.join(server.folder, name);
      let split: CpuSplit = { calls: 0, cpu: 0, main: 0, scale: 1 };
      let began = 0;
      let from = server.usage();
      let sampler = 0;
      let done = 0;
      const { tally } = seen.subject.load;
      await this.#window(seen, 1, async (begin) => {
        if (!begin) {
          const to = server.usage();
          const took = server.samplerMicros - sampler;
          const scale = 1 - took / ((performance.now() - began) * 1000);
          const cpu = to.cpu - from.cpu - took;
          split = { calls: tally.completed - done, cpu, main: to.main - from.main, scale };
        }
        if (!begin) await server.endProfile(file);
        else {
          await server.beginProfile(name.startsWith('cpu'));
          began = performance.now();
          from = server.usage();
          sampler = server.samplerMicros;
          done = tally.completed;
        }
      });
      return { text: readFileSync(file, 'utf8'), split };
    };
    const cpu = await measured('cpu.cpuprofile');
    const cpuShares = shares(readCpuProfile(cpu.text, cpu.split.scale), sources);
    const heap = await measured('allocations.heapprofile');
    const heapShares = shares(readHeapProfile(heap.text), sources);
    const perCall = (s: Shares, calls: number) => ({
      layers: Object.fromEntries(Object.entries(s.layers).map(([layer, self]) => [layer, self / calls])),
      functions: s.functions.slice(0, 60).map((f) => ({ ...f, self: f.self / calls })),
    });
    return {
      text: [
        `CPU by layer, under the profiler (${server.folder}/cpu.cpuprofile)`,
        cpuTable(cpuShares, cpu.split),
        '',
        `Allocations by layer (${server.folder}/allocations.heapprofile)`,
        allocationTable(heapShares, heap.split.calls),
      ].join('\n'),
      json: { cpu: perCall(cpuShares, cpu.split.calls), allocations: perCall(heapShares, heap.split.calls) },
    };
  }

  async #grow(): Promise<number> {
    const o = this.#options;
    const cells = [
      { users: 1000, live: 0 },
      { users: 1000, live: 10_000 },
      { users: 10, live: 0 },
      { users: 50_000, live: 0 },
      { users: 1000, live: 0 },
    ];
    const rows: string[][] = [];
    const json: unknown[] = [];
    let failed = 0;
    for (const { users, live } of cells) {
      for (const peer of o.peer === undefined ? [false] : [false, true]) {
        const seen = await this.#seat(peer, users);
        await this.#warm(seen);
        if (live > 0) await this.#hold(seen, live);
        const window = await this.#window(seen, Math.min(2, o.warmup));
        seen.refresh = await measureRefreshes(seen.subject, this.#needAwake(), {
          rate: Math.max(o.rate, 200),
          seconds: 3,
        });
        failed += seen.subject.load.tally.failed;
        seen.subject.load.close();
        await seen.subject.server.stop();
        rows.push([
          seen.name,
          String(users),
          String(live),
          window.cpuPerCall.toFixed(1),
          seen.firstRegister.toFixed(0),
          seen.refresh.toFixed(0),
          String(window.failed),
          memoryCells(seen.memory)[1] ?? '-',
          (window.memory / 2 ** 20).toFixed(0),
        ]);
        json.push({ ...seen, subject: undefined, users, live });
      }
    }
    const heads = [
      '',
      'users',
      'live calls',
      'µs/call',
      'first REGISTER µs',
      'refresh µs',
      'failed',
      'bytes/held call',
      'MB',
    ];
    this.#tell(table([heads, ...rows]), { options: o, cells: json });
    return failed > 0 ? 1 : 0;
  }
}

function memoryCells(memory: Memory | undefined): string[] {
  if (!memory) return ['-', '-', '-'];
  const { held, before, atOnce, later } = memory;
  const each = (bytes: number) => ((bytes - before) / held).toFixed(0);
  return [String(held), each(atOnce), later === undefined ? '-' : each(later)];
}
