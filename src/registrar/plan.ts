// What a REGISTER makes of an AOR's bindings, worked out Contact by Contact before any of it is done (RFC 3261 §10.3 step 7).
import { parseUri, type SipUri, sameUri } from '../sip/uri.ts';
import type { Binding } from './binding.ts';
import { type AskedContact, uriOf } from './contacts.ts';

/** A binding to be: what was asked for, and for how many seconds. */
export interface Planned {
  readonly contact: AskedContact;
  readonly seconds: number;
}

export interface PlannedChange {
  readonly old: Binding | undefined;
  readonly planned: Planned | undefined;
}

export class Plan {
  readonly #rows: Row[];
  readonly #isStale: (old: Binding) => boolean;

  /** `isStale`: this REGISTER is older than the one that made the binding. */
  constructor(bindings: readonly Binding[], isStale: (old: Binding) => boolean) {
    this.#rows = bindings.map((old) => new Row(old, uriOf(old.contact)));
    this.#isStale = isStale;
  }

  /** Bindings there will be. */
  get size(): number {
    return this.#rows.reduce((count, row) => count + (row.lives ? 1 : 0), 0);
  }

  /** Takes the next Contact; 0 seconds remove it. False: it comes out of order, and the whole request fails. */
  take(contact: AskedContact, seconds: number): boolean {
    const same = this.#find(contact);
    const moved = this.#rows.filter((row) => row !== same && row.movesWith(contact, seconds));
    const named = same === undefined ? moved : [same, ...moved];
    if (named.some(({ old }) => old !== undefined && this.#isStale(old))) return false;
    for (const row of moved) row.become(undefined);
    const planned = seconds > 0 ? { contact, seconds } : undefined;
    if (same !== undefined) same.become(planned);
    else if (planned !== undefined) this.#rows.push(new Row(undefined, contact.uri).become(planned));
    return true;
  }

  changes(): PlannedChange[] {
    return this.#rows.filter((row) => row.touched && (row.old ?? row.planned) !== undefined);
  }

  /** §19.1.4 is not transitive: several may be equal to this one; the one written alike goes first. */
  #find(contact: AskedContact): Row | undefined {
    return (
      this.#rows.find((row) => row.uri === contact.uri) ??
      this.#rows.find(
        ({ sip }) => sip !== undefined && contact.sip !== undefined && sameUri(sip, contact.sip),
      )
    );
  }
}

class Row implements PlannedChange {
  readonly old: Binding | undefined;
  readonly uri: string;
  planned: Planned | undefined = undefined;
  /** This REGISTER has spoken of it: its next Contact does not replace it. */
  touched = false;
  #sip: SipUri | undefined | null = null;

  constructor(old: Binding | undefined, uri: string) {
    this.old = old;
    this.uri = uri;
  }

  get lives(): boolean {
    return this.touched ? this.planned !== undefined : this.old !== undefined;
  }

  get sip(): SipUri | undefined {
    if (this.#sip === null) this.#sip = parseUri(this.uri);
    return this.#sip;
  }

  become(planned: Planned | undefined): this {
    this.planned = planned;
    this.touched = true;
    return this;
  }

  /**
   * RFC 5626 §6: the same instance (and reg-id) is the same phone, whose new Contact replaces the old one.
   * Deviation: it does so without reg-id too, for phones that moved; but without reg-id a removal names its URI.
   */
  movesWith(contact: AskedContact, seconds: number): boolean {
    const { instance, regId } = contact;
    if (this.touched || instance === undefined || (seconds === 0 && regId === undefined)) return false;
    return this.old?.instance === instance && this.old.regId === regId;
  }
}
