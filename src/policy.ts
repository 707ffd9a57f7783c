// What a configuration decides while the server runs: made whole from one, and replaced whole by the next.

import type { Gate } from './auth/gate.ts';
import { gateOf } from './auth/gate-of.ts';
import type { Nonces } from './auth/nonces.ts';
import type { Users } from './auth/users.ts';
import type { WrongPasswords } from './auth/wrong-passwords.ts';
import { outboundAllows } from './config/address.ts';
import type { Config } from './config/config.ts';
import { phraseBook } from './config/phrases.ts';
import { Limits } from './limits/limits.ts';
import { Overload, type OverloadParts } from './limits/overload.ts';
import type { RegistrarSettings } from './registrar/registrar.ts';
import type { Domains } from './routing/domains.ts';
import { defaultReason } from './sip/reply.ts';
import type { SupervisorParts } from './supervisor/supervisor.ts';
import type { TransactionTimers } from './transaction/transaction.ts';

export interface PolicyParts extends Omit<OverloadParts, 'maxTransactions' | 'maxMemory'> {
  readonly domains: Domains;
  readonly nonces: Nonces;
  readonly wrongPasswords: WrongPasswords;
}

export interface Policy {
  readonly config: Config;
  /** The words of our own responses. */
  readonly reason: (status: number) => string;
  readonly registrar: RegistrarSettings;
  readonly durations: SupervisorParts['durations'];
  readonly timers: TransactionTimers;
  /** May requests that concern nobody of ours go there? */
  readonly outbound: (host: string, port: number | undefined) => boolean;
  readonly limits: Limits;
  readonly overload: Overload;
  /** undefined: nothing needs a password. */
  readonly gate: Gate | undefined;
}

/** ms by which a transaction's Timer C is later than that of its call's chart, which ends the call with a word. */
const TIMER_C_MARGIN = 5_000;

/** `before`: what it replaces; sources that had their share under the same limit have had it. Throws nothing. */
export function policyOf(config: Config, users: Users, parts: PolicyParts, before?: Policy): Policy {
  const { timers } = config;
  const { domains, nonces, wrongPasswords, ...load } = parts;
  return {
    config,
    reason: phraseBook(config.phrases, defaultReason),
    registrar: {
      ...config.registrar,
      maxBindings: config.limits.bindings,
      contactRouting: config.contactRouting,
    },
    durations: {
      ring: timers.ring,
      cancel: timers.cancel,
      late: 64 * timers.t1,
      ack: 64 * timers.t1,
      // The BYE's own transaction ends first; this is for the day it does not.
      bye: 64 * timers.t1 + timers.t4,
      retry: timers.retry,
      life: timers.life,
      usage: timers.usage,
      subscription: timers.subscription,
    },
    timers: { t1: timers.t1, t2: timers.t2, t4: timers.t4, c: timers.ring + TIMER_C_MARGIN },
    outbound: outbound(config),
    limits: new Limits(config, parts.now, before?.limits),
    overload: new Overload({
      ...load,
      maxTransactions: config.limits.transactions,
      maxMemory: config.limits.memory,
    }),
    gate: gateOf({
      auth: config.auth,
      ownDomains: config.domains,
      domains,
      users,
      nonces,
      wrongPasswords,
    }),
  };
}

function outbound(config: Config): Policy['outbound'] {
  if (config.outbound.length === 0) return () => false;
  const allows = outboundAllows(config.outbound);
  return (host, port) => allows(host, port ?? 5060);
}
