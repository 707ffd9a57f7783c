// RFC 3261 §16.6: one branch of a forwarded request, from its sending to its final response.
import type { Hop, Target } from '../routing/router.ts';
import { type HeaderLine, headerLine, type SipResponse } from '../sip/message.ts';
import { parse } from '../sip/parse.ts';
import { wireText } from '../sip/serialize.ts';
import type { ClientTransaction } from '../transaction/transaction.ts';
import type { Outgoing } from './proxy-core.ts';
import type { SavedBranch } from './saved-forwarding.ts';

/** What a branch is part of. */
interface Whole {
  heard(branch: Branch, response: SipResponse): void;
  /** Nobody answered (408), or nobody could be reached (503). */
  lost(branch: Branch, status: number): void;
}

const NO_HEADERS: readonly HeaderLine[] = [];
const SPENT: Target = { uri: '', path: [], hop: undefined, q: 0, exact: false };

export class Branch implements Outgoing {
  readonly #whole: Whole;
  readonly fork: number;
  target: Target;
  /** How many branches began with it (RFC 5393). */
  readonly breadth: number;
  /** Where it was sent, once that is known. */
  hop: Hop | undefined;
  transaction: ClientTransaction | undefined;
  /** Final status; 0 while it is pending. */
  status = 0;
  response: SipResponse | undefined;
  spoke = false;
  cancelAsked = false;
  /** It rang too long, and the next q group is tried: its 487 is nobody's cancelling. */
  skipped = false;
  /** Its 3xx was followed: what became of that counts. */
  followed = false;
  cancelHeaders: readonly HeaderLine[] = NO_HEADERS;
  /** What was kept of it last, as text; undefined: all of it is to be kept anew. */
  saved: string | undefined;

  constructor(whole: Whole, fork: number, target: Target, breadth: number) {
    this.#whole = whole;
    this.fork = fork;
    this.target = target;
    this.breadth = breadth;
    this.hop = target.hop;
  }

  onResponse(_tx: ClientTransaction, response: SipResponse): void {
    this.#whole.heard(this, response);
  }

  onTimeout(): void {
    this.#whole.lost(this, 408);
  }

  onTransportFailed(): void {
    this.#whole.lost(this, 503);
  }

  /** CANCEL goes out only after a provisional (§9.1). */
  cancel(headers: readonly HeaderLine[]): void {
    if (this.status !== 0 || this.cancelAsked) return;
    this.cancelAsked = true;
    this.cancelHeaders = headers;
    if (this.spoke) this.transaction?.cancel(headers);
  }

  /** It is over, and lingers for responses that come again: where it went concerns nobody any more. */
  letGo(): void {
    this.saved = undefined;
    if (this.target.redirect === undefined) this.target = SPENT;
    this.hop = undefined;
    this.cancelHeaders = NO_HEADERS;
  }

  /** The fields of a SavedBranch, as JSON, that are not what they are at the start; '': they are what they were when this was last called. */
  save(): string {
    const { target, hop, breadth, response, cancelHeaders } = this;
    let text = '';
    if (this.status !== 0) text += `,"status":${this.status}`;
    if (this.spoke) text += ',"spoke":true';
    if (this.cancelAsked) text += ',"cancelAsked":true';
    if (this.skipped) text += ',"skipped":true';
    if (this.followed) text += ',"followed":true';
    if (hop !== target.hop) text += `,"hop":${JSON.stringify(hop ?? null)}`;
    if (response !== undefined) text += `,"response":${JSON.stringify(wireText(response))}`;
    if (cancelHeaders.length > 0)
      text += `,"cancelHeaders":${JSON.stringify(cancelHeaders.map((line) => line.raw))}`;
    const before = this.saved;
    if (text === before) return '';
    this.saved = text;
    return before === undefined
      ? `"target":${JSON.stringify(target)},"breadth":${breadth}${text}`
      : text.slice(1);
  }

  restore(saved: SavedBranch): void {
    if (saved.hop !== undefined) this.hop = saved.hop ?? undefined;
    this.status = saved.status ?? 0;
    const response = saved.response === undefined ? undefined : parse(Buffer.from(saved.response, 'latin1'));
    if (response?.ok && response.message.kind === 'response') this.response = response.message;
    this.spoke = saved.spoke ?? false;
    this.cancelAsked = saved.cancelAsked ?? false;
    this.cancelHeaders = (saved.cancelHeaders ?? []).map(headerFromRaw);
    this.skipped = saved.skipped ?? false;
    this.followed = saved.followed ?? false;
  }

  /** A response came: it can be cancelled now. */
  speak(): void {
    const first = !this.spoke;
    this.spoke = true;
    if (first && this.cancelAsked) this.transaction?.cancel(this.cancelHeaders);
  }
}

function headerFromRaw(raw: string): HeaderLine {
  const colon = raw.indexOf(':');
  return headerLine(raw.slice(0, colon).trim(), raw.slice(colon + 1).trim());
}
