// Who is where: the live bindings of every AOR, found by AOR and by address, each gone the moment its time is up.
import type { Params } from '../sip/message.ts';
import { type Aor, parseNameAddr } from '../sip/uri.ts';
import type { Clock } from '../time/clock.ts';
import { AddressIndex, type Seat } from './address-index.ts';
import { addressKey, type Binding, type BindingFields, type Follow } from './binding.ts';
import { Deadlines } from './deadlines.ts';

export type { Binding } from './binding.ts';

/** `refreshed`: the same Contact again. A phone that moved (same instance, new Contact) is `removed` and `added`. */
export type BindingChange = 'added' | 'refreshed' | 'removed' | 'expired';
/** Told after the change is visible. Must not throw. */
export type BindingListener = (aor: Aor, change: BindingChange, binding: Binding) => void;

/** `old` makes room for `fresh`; without `old` it is new, without `fresh` it is removed. */
export interface Replacement {
  readonly old: Binding | undefined;
  readonly fresh: BindingFields | undefined;
}

const NONE: readonly Binding[] = [];

export class Location {
  readonly #clock: Clock;
  /** q descending, then newest first. Lists are replaced, never edited: a reader may keep one. */
  readonly #byAor = new Map<Aor, readonly Kept[]>();
  readonly #byAddress = new AddressIndex<Kept>();
  readonly #deadlines: Deadlines<Kept>;
  readonly #listeners = new Set<BindingListener>();

  constructor({ clock }: { readonly clock: Clock }) {
    this.#clock = clock;
    this.#deadlines = new Deadlines(clock, (binding) => this.#expire(binding));
  }

  /** Bindings of all AORs. */
  get size(): number {
    return this.#deadlines.size;
  }

  get aors(): number {
    return this.#byAor.size;
  }

  /** Distinct addresses (Contacts and flows) that stand in the index. */
  get addresses(): number {
    return this.#byAddress.size;
  }

  /** Where a SIP request for this AOR may go: live sip and sips bindings, q descending, newest first. */
  lookup(aor: Aor): readonly Binding[] {
    return this.#live(aor, true);
  }

  /** Every live binding, those that no SIP request can follow (`tel:`) included. Same order. */
  bindings(aor: Aor): readonly Binding[] {
    return this.#live(aor, false);
  }

  /** The newest live binding whose Contact or flow is this address. IPv6 without brackets. */
  isBoundAddress(host: string, port: number): Binding | undefined {
    const now = this.#clock.now();
    let seat = this.#byAddress.newest(addressKey(host, port));
    while (seat !== undefined && seat.item.expiresAt <= now) seat = seat.older;
    return seat?.item;
  }

  /** Makes several changes to one AOR visible in one step. Of new bindings with equal q the first comes first. */
  replace(aor: Aor, changes: readonly Replacement[]): void {
    if (changes.length === 0) return;
    const before = this.#byAor.get(aor);
    const list =
      before === undefined ? [] : before.filter((kept) => !changes.some(({ old }) => old === kept));
    for (const { old } of changes) if (old instanceof Kept) this.#forget(old);
    const made: (Kept | undefined)[] = changes.map(({ fresh }) => fresh && this.#keep(fresh));
    for (const kept of made.toReversed()) {
      if (kept === undefined) continue;
      const place = list.findIndex((other) => other.q <= kept.q);
      list.splice(place === -1 ? list.length : place, 0, kept);
    }
    // A grown array keeps room for seventeen; its slice has none to spare.
    if (list.length > 0) this.#byAor.set(aor, list.slice());
    else this.#byAor.delete(aor);
    if (this.#listeners.size === 0) return;
    changes.forEach(({ old }, i) => {
      const fresh = made[i];
      if (fresh !== undefined) this.#tell(old === undefined ? 'added' : 'refreshed', fresh);
      else if (old !== undefined) this.#tell('removed', old);
    });
  }

  /** Returns what ends the listening. */
  onChange(listener: BindingListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Every live binding, the oldest of an AOR first. Changes may be made while it is read. */
  *all(): Generator<Binding> {
    for (const list of this.#byAor.values()) {
      for (let i = list.length - 1; i >= 0; i--) {
        const kept = list[i];
        if (kept !== undefined && kept.expiresAt > this.#clock.now()) yield kept;
      }
    }
  }

  /** Stops the timer; nothing expires any more. */
  close(): void {
    this.#deadlines.close();
  }

  #live(aor: Aor, routableOnly: boolean): readonly Binding[] {
    const list = this.#byAor.get(aor);
    if (list === undefined) return NONE;
    const now = this.#clock.now();
    const wanted = (kept: Kept) => kept.expiresAt > now && (!routableOnly || kept.address !== undefined);
    return list.every(wanted) ? list : list.filter(wanted);
  }

  #keep(fields: BindingFields): Kept {
    const kept = new Kept(fields);
    const { address, flow } = kept;
    if (address !== undefined) {
      const source = addressKey(flow.remoteAddress, flow.remotePort);
      kept.contactSeat = this.#byAddress.sit(address, kept);
      if (address !== source) kept.flowSeat = this.#byAddress.sit(source, kept);
    }
    this.#deadlines.add(kept);
    return kept;
  }

  #forget(kept: Kept): void {
    this.#deadlines.delete(kept);
    this.#leave(kept);
  }

  #leave(kept: Kept): void {
    if (kept.contactSeat !== undefined) this.#byAddress.leave(kept.contactSeat);
    if (kept.flowSeat !== undefined) this.#byAddress.leave(kept.flowSeat);
    kept.contactSeat = undefined;
    kept.flowSeat = undefined;
  }

  #expire(kept: Kept): void {
    this.#leave(kept);
    const rest = this.#byAor.get(kept.aor)?.filter((other) => other !== kept) ?? [];
    if (rest.length > 0) this.#byAor.set(kept.aor, rest);
    else this.#byAor.delete(kept.aor);
    this.#tell('expired', kept);
  }

  #tell(change: BindingChange, binding: Binding): void {
    for (const listener of this.#listeners) listener(binding.aor, change, binding);
  }
}

/** A binding with its places in the heap and in the index. */
class Kept implements Binding {
  readonly aor: Aor;
  readonly uri: string;
  readonly contact: string;
  readonly q: number;
  readonly callId: string;
  readonly cseq: number;
  readonly expiresAt: number;
  readonly flow: BindingFields['flow'];
  readonly path: readonly string[];
  readonly follow: Follow;
  readonly instance: string | undefined;
  readonly regId: string | undefined;
  readonly address: string | undefined;
  slot = 0;
  contactSeat: Seat<Kept> | undefined = undefined;
  flowSeat: Seat<Kept> | undefined = undefined;

  constructor(fields: BindingFields) {
    this.aor = fields.aor;
    this.uri = fields.uri;
    this.contact = fields.contact;
    this.q = fields.q;
    this.callId = fields.callId;
    this.cseq = fields.cseq;
    this.expiresAt = fields.expiresAt;
    this.flow = fields.flow;
    this.path = fields.path;
    this.follow = fields.follow;
    this.instance = fields.instance;
    this.regId = fields.regId;
    this.address = fields.address;
  }

  get params(): Params {
    return parseNameAddr(this.contact)?.params ?? [];
  }
}
