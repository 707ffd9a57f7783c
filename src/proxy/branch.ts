// RFC 3261 §16.6: one branch of a forwarded request, from its sending to its final response.
import type { JsonWriter } from '../json/json-writer.ts';
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
  /** What was kept of it last; undefined: all of it is to be kept anew. */
  saved:
    | (Readonly<Pick<Branch, 'hop' | 'response' | 'cancelHeaders'>> & { readonly marks: number })
    | undefined;

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

  /** Something is not what it was when it was last saved. */
  get hasNews(): boolean {
    const { saved } = this;
    if (saved === undefined) return true;
    const { hop, response, cancelHeaders } = this;
    return (
      saved.marks !== this.#marks ||
      saved.hop !== hop ||
      saved.response !== response ||
      saved.cancelHeaders !== cancelHeaders
    );
  }

  /** Status and flags in one. */
  get #marks(): number {
    const { status, spoke, cancelAsked, skipped, followed } = this;
    return status * 16 + (spoke ? 8 : 0) + (cancelAsked ? 4 : 0) + (skipped ? 2 : 0) + (followed ? 1 : 0);
  }

  /** The next `save` tells all. */
  saveAnew(): void {
    this.saved = undefined;
  }

  /** Writes the fields of a SavedBranch that are not what they are at the start: the first time all of them. */
  save(out: JsonWriter): void {
    const { target, hop, breadth, response, cancelHeaders, status } = this;
    out.plain('{');
    if (this.saved === undefined) {
      out.plain('"target":');
      out.value(target);
      out.plain(',"breadth":');
      out.number(breadth);
      out.plain(',');
    }
    if (status !== 0) {
      out.plain('"status":');
      out.number(status);
      out.plain(',');
    }
    if (this.spoke) out.plain('"spoke":true,');
    if (this.cancelAsked) out.plain('"cancelAsked":true,');
    if (this.skipped) out.plain('"skipped":true,');
    if (this.followed) out.plain('"followed":true,');
    if (hop !== target.hop) {
      out.plain('"hop":');
      out.value(hop ?? null);
      out.plain(',');
    }
    if (response !== undefined) {
      out.plain('"response":');
      out.quoted(wireText(response));
      out.plain(',');
    }
    if (cancelHeaders.length > 0) {
      out.plain('"cancelHeaders":');
      out.value(cancelHeaders.map((line) => line.raw));
      out.plain(',');
    }
    out.endObject();
    this.saved = { marks: this.#marks, hop, response, cancelHeaders };
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
