// What ties calls to each other: transfers to the calls they cause, conference foci to those who subscribe.

import type { DialogFacts } from '../journal/transition.ts';
import type { SipMessage, SipRequest } from '../sip/message.ts';
import { detached, param, text } from '../sip/message.ts';
import type { Aor } from '../sip/uri.ts';
import { aorOf, parseNameAddr, parseUri } from '../sip/uri.ts';

interface PendingTransfer {
  readonly callId: string;
  readonly transferee: string;
  readonly target: string;
}

/** What a call has tied to others, JSON-safe. */
export interface SavedLinks {
  /** Each focus's key and its Contact. */
  readonly foci: readonly (readonly [string, string])[];
  /** Who is transferred, and to whom: AORs. */
  readonly transfers: readonly (readonly [string, string])[];
}

/** One phone is the transferee of at most this many REFERs at a time, and one call names at most so many phones or foci. */
const MAX_LINKS = 8;

export class Links {
  /** By transferee's AOR. */
  readonly #transfers = new Map<string, PendingTransfer[]>();
  readonly #transferees = new Map<string, Set<string>>();
  /** `AOR;conf-id` to the focus's Contact and the calls that carry it. */
  readonly #foci = new Map<string, { contact: string; calls: Set<string> }>();
  readonly #fociOf = new Map<string, Set<string>>();

  /** A REFER of this call was accepted: its receiver will call `Refer-To`. */
  transferAsked(callId: string, refer: SipRequest): void {
    const transferee = detached(aorText(refer.to.uri) ?? '');
    const target = aorText(parseNameAddr(refer.first('refer-to') ?? '')?.uri);
    if (transferee === '' || target === undefined) return;
    this.#keepTransfer({ callId, transferee, target: detached(target) });
  }

  #keepTransfer(transfer: PendingTransfer): void {
    const { callId, transferee } = transfer;
    const mine = this.#transferees.get(callId) ?? new Set<string>();
    if (mine.size >= MAX_LINKS && !mine.has(transferee)) return;
    const list = this.#transfers.get(transferee) ?? [];
    if (list.length >= MAX_LINKS) list.shift();
    list.push(transfer);
    this.#transfers.set(transferee, list);
    mine.add(transferee);
    this.#transferees.set(callId, mine);
  }

  /** The call a new dialog comes from, as far as it says so itself or follows from a REFER: `came` hears of that one's call. */
  originOf(
    request: SipRequest,
    isLive: (callId: string) => boolean,
    came: (callId: string) => void,
  ): DialogFacts['origin'] {
    if (request.method === 'SUBSCRIBE') {
      const focus = this.#foci.get(focusKeyOf(request.uri) ?? '');
      const callId = focus && firstOf(focus.calls);
      return callId === undefined ? undefined : { callId, why: 'conference' };
    }
    const replaced = request.first('replaces')?.split(';', 1)[0]?.trim();
    if (replaced && isLive(replaced)) return { callId: text(replaced), why: 'replaces' };
    const caller = aorText(request.from.uri);
    const list = caller === undefined ? undefined : this.#transfers.get(caller);
    if (list === undefined) return undefined;
    const target = aorText(request.to.uri);
    const found =
      list.findLast((t) => t.target === target) ?? (request.has('referred-by') ? list.at(-1) : undefined);
    if (found === undefined) return undefined;
    list.splice(list.indexOf(found), 1);
    if (list.length === 0 && caller !== undefined) this.#transfers.delete(caller);
    came(found.callId);
    return { callId: text(found.callId), why: 'transfer' };
  }

  /** Looks for a focus among the Contacts of a call (`isfocus`, `conf-id`). `party`: the AOR that sent it. */
  contactSeen(callId: string, party: string, message: SipMessage): void {
    const contact = message.first('contact');
    if (contact === undefined || !/conf-id=/i.test(contact)) return;
    const uri = parseNameAddr(contact)?.uri;
    const parsed = uri === undefined ? undefined : parseUri(uri);
    const confId = parsed && param(parsed.params, 'conf-id');
    const partyUri = parseUri(party);
    if (uri === undefined || confId === undefined || partyUri === undefined) return;
    this.#keepFocus(callId, detached(`${aorOf(partyUri)};${confId}`), detached(uri));
  }

  #keepFocus(callId: string, key: string, contact: string): void {
    const mine = this.#fociOf.get(callId) ?? new Set<string>();
    if (mine.size >= MAX_LINKS && !mine.has(key)) return;
    const focus = this.#foci.get(key) ?? { contact: '', calls: new Set<string>() };
    focus.contact = contact;
    focus.calls.add(callId);
    this.#foci.set(key, focus);
    mine.add(key);
    this.#fociOf.set(callId, mine);
  }

  focusContact(aor: Aor, confId: string): string | undefined {
    return this.#foci.get(`${aor};${confId}`)?.contact;
  }

  /** The call is over: nothing of it is kept. */
  forget(callId: string): void {
    for (const key of this.#fociOf.get(callId) ?? []) {
      const focus = this.#foci.get(key);
      focus?.calls.delete(callId);
      if (focus?.calls.size === 0) this.#foci.delete(key);
    }
    this.#fociOf.delete(callId);
    for (const transferee of this.#transferees.get(callId) ?? []) {
      const rest = (this.#transfers.get(transferee) ?? []).filter((t) => t.callId !== callId);
      if (rest.length === 0) this.#transfers.delete(transferee);
      else this.#transfers.set(transferee, rest);
    }
    this.#transferees.delete(callId);
  }

  /** What a restart would lose of this call; undefined: nothing. */
  save(callId: string): SavedLinks | undefined {
    const foci: [string, string][] = [];
    for (const key of this.#fociOf.get(callId) ?? []) {
      const contact = this.#foci.get(key)?.contact;
      if (contact !== undefined) foci.push([key, contact]);
    }
    const transfers: [string, string][] = [];
    for (const transferee of this.#transferees.get(callId) ?? [])
      for (const one of this.#transfers.get(transferee) ?? [])
        if (one.callId === callId) transfers.push([transferee, one.target]);
    return foci.length + transfers.length === 0 ? undefined : { foci, transfers };
  }

  restore(callId: string, { foci, transfers }: SavedLinks): void {
    for (const [key, contact] of foci) this.#keepFocus(callId, key, contact);
    for (const [transferee, target] of transfers) this.#keepTransfer({ callId, transferee, target });
  }

  get size(): number {
    return this.#transfers.size + this.#transferees.size + this.#foci.size + this.#fociOf.size;
  }
}

function aorText(uri: string | undefined): string | undefined {
  const parsed = uri === undefined ? undefined : parseUri(uri);
  return parsed === undefined ? undefined : aorOf(parsed);
}

function focusKeyOf(uri: string): string | undefined {
  const parsed = parseUri(uri);
  const confId = parsed && param(parsed.params, 'conf-id');
  return parsed === undefined || confId === undefined ? undefined : `${aorOf(parsed)};${confId}`;
}

function firstOf(set: Set<string>): string | undefined {
  for (const value of set) return value;
  return undefined;
}
