// A running server in its operator's hands: another configuration taken over, its end once its calls have ended.
import { join } from 'node:path';
import type { Logger } from 'pino';
import { Users } from './auth/users.ts';
import { WatchedUsers } from './auth/watch-users.ts';
import { changesOf } from './config/changes.ts';
import type { Config } from './config/config.ts';
import { StartError } from './config/start-error.ts';
import {
  type DrainAnswer,
  notReady,
  type ReloadAnswer,
  type StatusAnswer,
  type StoreAnswer,
  type Upkeep,
} from './control/upkeep.ts';
import type { Core } from './core.ts';
import type { Journal } from './journal/journal.ts';
import type { Drained } from './limits/drain.ts';

/** The configuration as its sources have it now, or everything that is wrong with it, one line each. */
export type Load = () => { readonly config: Config } | { readonly problems: readonly string[] };

export interface CaretakerParts {
  readonly core: Core;
  readonly journal: Journal;
  /** Of the configuration it started with. */
  readonly users: WatchedUsers;
  readonly config: Config;
  readonly load: Load;
  /** The data folder. */
  readonly folder: string;
  readonly log: Logger;
  /** undefined: nothing is to outlive the process. */
  readonly store: { readonly standing: StoreAnswer; keep(): void } | undefined;
  /** Monotonic ms, the core's clock. */
  readonly now: () => number;
}

export class Caretaker implements Upkeep {
  /** Resolves when nothing has to be waited for any more. */
  readonly drained: Promise<Drained>;
  readonly #parts: CaretakerParts;
  readonly #started = Date.now();
  #config: Config;
  #users: WatchedUsers;

  constructor(parts: CaretakerParts) {
    this.#parts = parts;
    this.#config = parts.config;
    this.#users = parts.users;
    const { core, log } = parts;
    this.drained = new Promise((resolve) => {
      core.drain.onOver((drained) => {
        if (drained.left > 0) log.warn({ calls: drained.left }, 'drained as long as it may: calls were left');
        else log.info('drained');
        resolve(drained);
      });
    });
  }

  /** Sees what `callchart user` did. */
  look(): void {
    this.#users.look();
  }

  /** All of it is made before any of it holds. */
  reload(): ReloadAnswer {
    const { core, journal, load, folder, log, store } = this.#parts;
    journal.reopen();
    const loaded = load();
    if ('problems' in loaded) return this.#refused(loaded.problems);
    const { config, applied, restart } = changesOf(this.#config, loaded.config);
    let users: WatchedUsers;
    try {
      users = watchedUsers(config, folder, log);
    } catch (cause) {
      if (cause instanceof StartError) return this.#refused([cause.message]);
      throw cause;
    }
    core.update(config, users.users);
    // what was told so far is kept as the journal has written it
    store?.keep();
    journal.update(config.journal);
    log.level = config.log.level;
    this.#config = config;
    this.#users = users;
    log.info({ applied }, 'configuration reloaded');
    if (restart.length > 0) log.warn(`needs a restart: ${restart.join(', ')}`);
    return { applied, restart };
  }

  #refused(problems: readonly string[]): ReloadAnswer {
    this.#parts.log.error({ problems }, 'configuration not reloaded: it stays as it was');
    return { problems };
  }

  drain(timeout = this.#config.drainTimeout): DrainAnswer {
    const { core, log } = this.#parts;
    const { drain } = core;
    if (!drain.isOn) log.info({ calls: drain.calls, timeout }, 'draining: nothing new is taken in');
    const already = !drain.begin(timeout);
    return { already, calls: drain.calls, until: this.#until() ?? '' };
  }

  status(): StatusAnswer {
    const { core, store } = this.#parts;
    let calls = 0;
    for (const { facts } of core.supervisor.dialogs()) if (facts.machine === 'dialog') calls++;
    const until = this.#until();
    const state = until === undefined ? 'serving' : 'draining';
    const standing = store?.standing;
    return {
      state,
      ready: notReady(state, standing).length === 0,
      started: new Date(this.#started).toISOString(),
      calls,
      subscriptions: core.supervisor.size - calls,
      registrations: core.location.size,
      ...(standing && { store: standing }),
      ...(until !== undefined && { until }),
    };
  }

  #until(): string | undefined {
    const { until } = this.#parts.core.drain;
    return until === undefined
      ? undefined
      : new Date(Date.now() + Math.round(until - this.#parts.now())).toISOString();
  }
}

/** Throws StartError for a users file that cannot be read. */
export function watchedUsers({ auth }: Config, folder: string, log: Logger): WatchedUsers {
  const all = new Users(auth.users);
  const trouble = (err: unknown) => log.error({ err }, 'users file: the users stay as they were');
  let watched: WatchedUsers;
  try {
    watched = new WatchedUsers(auth.file || join(folder, 'users'), all, trouble);
  } catch (cause) {
    throw new StartError('config-invalid', cause instanceof Error ? cause.message : String(cause), { cause });
  }
  const asks = [auth.mode, ...Object.values(auth.domains)].some((mode) => mode !== 'open');
  if (asks && all.size === 0)
    log.warn(
      { file: watched.path },
      'a password is asked for and there are no users: see "callchart user add"',
    );
  return watched;
}
