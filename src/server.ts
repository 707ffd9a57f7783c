// The composition root of the daemon: real sockets, clocks, chance and files around the core.
import { randomBytes } from 'node:crypto';
import { isIP } from 'node:net';
import { hostname } from 'node:os';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Logger } from 'pino';
import { Caretaker, type Load, watchedUsers } from './caretaker.ts';
import { formatHostPort } from './config/address.ts';
import type { Config } from './config/config.ts';
import { prepareDataFolder, withDataFolder } from './config/data-folder.ts';
import { memoryUsed } from './config/memory.ts';
import { StartError } from './config/start-error.ts';
import { type Control, openControl } from './control/control.ts';
import { FolderLock } from './control/folder-lock.ts';
import { Histories } from './control/history.ts';
import { Core } from './core.ts';
import { Journal } from './journal/journal.ts';
import { type FileTrouble, troubleWords } from './journal/rotating-file.ts';
import { Persistence, type Restored } from './persistence.ts';
import { Domains } from './routing/domains.ts';
import { Resolver } from './routing/resolver.ts';
import { secretKey } from './store/secret-key.ts';
import { systemClock } from './time/clock.ts';
import { Coalescing } from './transport/coalescing.ts';
import type { LocalSocket } from './transport/flow.ts';
import { ListenError } from './transport/listen.ts';
import { isLoopback, Sockets, sameFamily } from './transport/sockets.ts';

/** ms a line may wait for the next burst's. */
const JOURNAL_DELAY = 10;

export interface ServerHooks {
  readonly log: Logger;
  /** The configuration anew, for a reload. */
  readonly load: Load;
}

export interface RunningServer {
  readonly addresses: readonly { readonly transport: 'udp'; readonly host: string; readonly port: number }[];
  /** `host:port` that stands in Via and Record-Route (of the first socket when nothing is configured). */
  readonly advertised: string;
  readonly domains: readonly string[];
  readonly journalPath: string;
  readonly core: Core;
  readonly lens: Control['lens'];
  /** For a process that dies: what was told is kept, and all that the journal holds is written, before this returns. */
  flush(): void;
  /** Opens the journal files anew (logrotate), and takes the configuration over as its sources have it now. */
  reload(): void;
  /** Takes nothing new in from now on; ends with `drained`. */
  drain(): void;
  /** Its calls have ended, or had as much time as they may have: nothing keeps it from being closed. */
  readonly drained: Promise<unknown>;
  close(): Promise<void>;
}

/** Throws StartError when it cannot serve as configured. */
export async function startServer(config: Config, hooks: ServerHooks): Promise<RunningServer> {
  let lock: FolderLock | undefined;
  const release = () => lock?.release();
  try {
    return await withDataFolder(config.data, async () => {
      const troubles: string[] = [];
      const folder = prepareDataFolder(config.data, (why) => troubles.push(why));
      const key = secretKey(folder, (path) =>
        hooks.log.warn(
          { path },
          'secret.key held no key: made anew, so calls from before are routed no more',
        ),
      );
      // before anything else in it is read: another server may be writing it
      lock = await FolderLock.take(folder, key);
      if (lock === undefined) {
        throw new StartError(
          'data-in-use',
          `another server keeps its journal in ${folder}; give this one its own with --data`,
        );
      }
      for (const why of troubles)
        hooks.log.error({ folder: config.data }, `the data folder takes nothing: ${why}. Calls go on`);
      const running = await serverOn(folder, key, config, hooks);
      return { ...running, close: () => running.close().finally(release) };
    });
  } catch (cause) {
    // a folder that is to go again has gone
    await release();
    throw cause;
  }
}

async function serverOn(
  folder: string,
  key: string,
  config: Config,
  { log, load }: ServerHooks,
): Promise<RunningServer> {
  const { advertise } = config;
  const clock = systemClock();
  const persistence = await Persistence.open({ folder, config, clock, wall: Date.now, log });
  const journal = new Journal({
    folder,
    settings: config.journal,
    ...(persistence && { safely: persistence.safely, isForPower: persistence.isForPower }),
    onTrouble: (trouble) => sayTrouble(trouble, log),
    now: () => clock.now(),
  });
  const users = watchedUsers(config, folder, log);
  const domains = new Domains({ domains: config.domains, hostNames: [hostname(), 'localhost'] });
  const coalescing = new Coalescing({
    gap: () => (persistence?.isAwaited ? 0 : core.config.coalesce),
    now: () => clock.now(),
  });
  let unsent = 0;
  let toldAt = -1000;
  const sockets = new Sockets(
    config.listen,
    {
      receive: (bytes, flow) => {
        core.receive(bytes, flow);
        coalescing.served();
      },
      failed: (local, err) => {
        unsent++;
        if (clock.now() - toldAt < 1000) return;
        log.warn({ err, local, unsent }, 'datagrams could not be sent');
        toldAt = clock.now();
      },
    },
    () => domains.listensOn(sockets.addresses, advertise),
  );
  const resolver = new Resolver({
    clock,
    reachable: (address) => sockets.localFor(address, undefined) !== undefined,
  });
  const histories = new Histories();
  // A write is a system call of 4 µs: a busy server shares it among the bursts of some milliseconds.
  let writeSoon: NodeJS.Timeout | undefined;
  const write = (): void => {
    clearTimeout(writeSoon);
    writeSoon = undefined;
    persistence?.keep();
    journal.flush();
  };
  /** A Route that names us as advertised means the socket of that port. */
  const known = (hint: LocalSocket | undefined, address: string): LocalSocket | undefined =>
    hint === undefined || hint.address !== advertise?.host
      ? hint
      : sockets.addresses.find((one) => one.port === hint.port && sameFamily(one.address, address));
  const core = new Core({
    config,
    clock,
    wall: Date.now,
    key,
    newTag: () => randomBytes(6).toString('base64url'),
    domains,
    network: {
      localFor: (address, hint) => sockets.localFor(address, known(hint, address)),
      sentBy: (local) =>
        // An advertised IPv4 address is no way back for an IPv6 phone, and the other way round.
        formatHostPort(
          advertise !== undefined && (isIP(advertise.host) === 0 || sameFamily(advertise.host, local.address))
            ? { host: advertise.host, port: advertise.port ?? local.port }
            : { host: local.address, port: local.port },
        ),
      resolve: (host, port, done) => resolver.resolve(host, port, done),
    },
    wire: (bytes, flow, failed) => sockets.send(bytes, flow, failed),
    defer: setImmediate,
    observe: (transition) => {
      const over = journal.record(transition);
      const history = histories.take(transition);
      if (over !== undefined) persistence?.ended(over, history);
      if (!log.isLevelEnabled('debug')) return;
      const { dialog, cause } = transition;
      if (transition.seq === 1) log.debug({ callId: dialog.callId, method: cause }, 'call starts');
      if (transition.done) log.debug({ callId: dialog.callId, cause }, 'call ends');
    },
    ...(persistence && { keep: persistence.keep, safely: persistence.messagesSafely }),
    tell: () => {
      if (journal.hasNews) writeSoon ??= setTimeout(write, JOURNAL_DELAY);
    },
    users: users.users,
    memory: { used: memoryUsed, collect: collector() },
    onActorError: (callId, event, err) =>
      log.error({ callId, event, err }, 'a call failed inside; it was ended'),
    onWrongPassword: (wrong) => log.warn(wrong, 'wrong password'),
    onBug: (err) => log.error({ err }, 'a bug: one message or timer was given up'),
  });
  const resume = persistence?.restore(core, journal, histories);
  try {
    await sockets.open();
  } catch (cause) {
    persistence?.letGo();
    core.close();
    journal.close();
    await persistence?.close();
    if (cause instanceof ListenError) throw new StartError(cause.code, cause.message, { cause });
    throw cause;
  }
  const restored = resume?.();
  if (restored !== undefined) sayRestored(restored, log);
  const caretaker = new Caretaker({
    core,
    journal,
    users,
    config,
    load,
    folder,
    log,
    store: persistence,
    now: () => clock.now(),
  });
  // What a full disk refused is tried again though no call comes.
  const retry = setInterval(write, 1000);
  retry.unref();
  domains.listensOn(sockets.addresses, advertise);
  const control = await openControl({
    folder,
    core,
    calls: journal.calls,
    histories,
    past: persistence,
    upkeep: caretaker,
    now: () => clock.now(),
    wall: Date.now,
    onTrouble: ({ message, cause }) => log.warn({ err: cause }, `no control socket: ${message}`),
    onBack: () => log.info('the control socket is there again'),
  });
  const look = setInterval(() => {
    caretaker.look();
    void control.look();
  }, 2000);
  look.unref();
  const addresses = sockets.addresses.map((s) => ({
    transport: 'udp' as const,
    host: s.address,
    port: s.port,
  }));
  const best = addresses.find((a) => !isLoopback(a.host)) ?? addresses[0];
  return {
    addresses,
    advertised: formatHostPort({
      host: advertise?.host ?? best?.host ?? '',
      port: advertise?.port ?? best?.port,
    }),
    domains: domains.names,
    journalPath: journal.diaryPath,
    core,
    lens: control.lens,
    flush: () => {
      write();
      persistence?.flushNow();
    },
    reload: () => caretaker.reload(),
    drain: () => caretaker.drain(),
    drained: caretaker.drained,
    close: async () => {
      clearInterval(retry);
      clearInterval(look);
      core.outbox.flush();
      await control.close();
      await sockets.close();
      clearTimeout(writeSoon);
      persistence?.letGo();
      core.close();
      journal.close();
      await persistence?.close();
    },
  };
}

function sayRestored({ calls, subscriptions, bindings, overdue }: Restored, log: Logger): void {
  if (calls + subscriptions + bindings === 0) return;
  const counted = (count: number, what: string) => `${count} ${what}${count === 1 ? '' : 's'}`;
  const all = [
    counted(calls, 'call'),
    ...(subscriptions > 0 ? [counted(subscriptions, 'subscription')] : []),
    counted(bindings, 'binding'),
    counted(overdue, 'overdue timer'),
  ];
  log.info(`restored ${all.join(', ')}`);
}

/** What the system says has no stack worth reading. */
function sayTrouble(trouble: FileTrouble, log: Logger): void {
  const { path, err, lost } = trouble;
  if (err === undefined) log.info({ path, lost }, troubleWords(trouble));
  else log.error({ path, lost, ...(!('code' in err) && { err }) }, troubleWords(trouble));
}

/** V8's own collection, which a program can have without a flag of Node. */
function collector(): () => void {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  return typeof collect === 'function' ? () => collect() : () => {};
}
