// The registrar: answers REGISTER as RFC 3261 §10.3 says and keeps the location up to date.
import { detached, type HeaderLine, headerLine, type SipRequest, type SipResponse } from '../sip/message.ts';
import { defaultReason, makeResponse } from '../sip/reply.ts';
import { type Aor, aorOf, parseNameAddr, parseUri, type SipUri } from '../sip/uri.ts';
import type { Clock, WallClock } from '../time/clock.ts';
import type { Flow } from '../transport/flow.ts';
import type { Binding, BindingFields, Follow } from './binding.ts';
import { askedContacts, contactFields } from './contacts.ts';
import { followOf } from './follow.ts';
import type { Location } from './location.ts';
import { Plan, type Planned } from './plan.ts';

export interface RegistrarSettings {
  /** Seconds. */
  readonly defaultExpires: number;
  readonly minExpires: number;
  readonly maxExpires: number;
  /** Bindings one AOR may have. */
  readonly maxContacts: number;
  /** Bindings of all AORs together. */
  readonly maxBindings: number;
  readonly contactRouting: 'auto' | Follow;
}

export interface RegistrarParts {
  readonly location: Location;
  readonly clock: Clock;
  readonly settings: RegistrarSettings;
  /** Is its host a domain of ours, and its port absent or one we listen on? The user does not matter. */
  readonly isOurs: (uri: SipUri) => boolean;
  /** The operator's words win; where they are the standard ones, a refusal says what was wrong. */
  readonly reason: (status: number) => string;
  readonly newTag: () => string;
  /** For the Date header; without it there is none. */
  readonly wall?: WallClock;
  /** A REGISTER whose 200 was lost with the process before this one may still come again. */
  readonly justRestarted?: () => boolean;
}

/** Option tags a REGISTER may require. `gruu` and `outbound` promise more than is kept here. */
const SUPPORTED: ReadonlySet<string> = new Set(['path']);
const NO_PATH: readonly string[] = [];
/** Seconds after which a full registrar may be asked again. */
const RETRY_AFTER = 60;
/** RFC 3261 §10.3 step 7: who asks for an hour or more is never told that it is too brief. */
const HOUR = 3600;

/** Why a REGISTER fails, in words for the status line. */
interface Refusal {
  readonly status: number;
  readonly why: string;
  readonly header?: HeaderLine;
}

/** §10.3 steps 6 and 7: "the update MUST be aborted and the request fails", with 500. */
const OUT_OF_ORDER: Refusal = { status: 500, why: 'REGISTER Out Of Order' };

export class Registrar {
  readonly #parts: RegistrarParts;

  constructor(parts: RegistrarParts) {
    this.#parts = parts;
  }

  /** §10.3 step 1: is this domain kept here? If not, the REGISTER is routed like any other request. */
  accepts(request: SipRequest): boolean {
    const uri = request.requestUri;
    return uri !== undefined && this.#parts.isOurs(uri);
  }

  /** §10.3 steps 2 and 5 to 8; who may register (3, 4) was settled before. Throws nothing. */
  handle(request: SipRequest, flow: Flow): SipResponse {
    const unsupported = request.all('require').filter((tag) => !SUPPORTED.has(tag.toLowerCase()));
    if (unsupported.length > 0) {
      const header = headerLine('Unsupported', unsupported.join(', '));
      return this.#refuse(request, { status: 420, why: 'Bad Extension', header });
    }
    const to = parseUri(request.to.uri);
    if (to === undefined) return this.#refuse(request, { status: 400, why: 'To Is Not A SIP URI' });
    if (!to.user || !this.#parts.isOurs({ ...to, port: undefined })) {
      return this.#refuse(request, { status: 404, why: 'Not Found' });
    }
    const aor = aorOf(to);
    const refusal = this.#update(aor, request, flow);
    return refusal === undefined ? this.#list(aor, request) : this.#refuse(request, refusal);
  }

  /** Steps 6 and 7: all of it or nothing. */
  #update(aor: Aor, request: SipRequest, flow: Flow): Refusal | undefined {
    const asked = askedContacts(request);
    if (asked.kind === 'query') return undefined;
    if (asked.kind === 'bad') return { status: 400, why: asked.why };
    const { location } = this.#parts;
    const { minExpires, maxContacts, maxBindings, defaultExpires } = this.#parts.settings;
    const bindings = location.bindings(aor);
    const callId = request.callId;
    const cseq = request.cseq.number;
    const newest = this.#parts.justRestarted?.() === true ? cseq : cseq - 1;
    const isStale = (old: Binding) => old.callId === callId && old.cseq > newest;

    if (asked.kind === 'remove-all') {
      if (bindings.some(isStale)) return OUT_OF_ORDER;
      const changes = bindings.map((old) => ({ old, fresh: undefined }));
      location.replace(aor, changes);
      return undefined;
    }

    const path = request.all('path');
    if (path.some((value) => hopUri(value) === undefined)) return { status: 400, why: 'Malformed Path' };
    if (asked.contacts.length > 2 * maxContacts) return tooMany(maxContacts);
    const plan = new Plan(bindings, isStale);
    for (const contact of asked.contacts) {
      if (isTooBrief(contact.seconds, minExpires)) {
        const header = headerLine('Min-Expires', String(minExpires));
        return { status: 423, why: 'Interval Too Brief', header };
      }
      if (!plan.take(contact, contact.seconds ?? defaultExpires)) return OUT_OF_ORDER;
    }
    const growth = plan.size - bindings.length;
    if (growth > 0 && plan.size > maxContacts) return tooMany(maxContacts);
    if (growth > 0 && location.size + growth > maxBindings) {
      const header = headerLine('Retry-After', String(RETRY_AFTER));
      return { status: 503, why: 'Too Many Registrations', header };
    }
    const kept = path.length === 0 ? NO_PATH : path.map(detached);
    const changes = plan.changes().map(({ old, planned }) => ({
      old,
      fresh: planned && this.#binding(aor, planned, old, request, flow, kept),
    }));
    location.replace(aor, changes);
    return undefined;
  }

  #binding(
    aor: Aor,
    { contact, seconds }: Planned,
    old: Binding | undefined,
    request: SipRequest,
    flow: Flow,
    path: readonly string[],
  ): BindingFields {
    const { clock, settings } = this.#parts;
    const first = path[0] === undefined ? contact.sip : hopUri(path[0]);
    // A refresh keeps the strings that are there: most REGISTERs are refreshes.
    const fields = old?.contact === contact.text ? contactOf(old) : contactFields(contact);
    return {
      aor: old?.aor ?? detached(aor),
      ...fields,
      callId: old?.callId === request.callId ? old.callId : detached(request.callId),
      cseq: request.cseq.number,
      expiresAt: clock.now() + Math.min(seconds, settings.maxExpires) * 1000,
      flow,
      path,
      follow: followOf(first, request.via, flow, settings.contactRouting),
    };
  }

  /** Step 8. */
  #list(aor: Aor, request: SipRequest): SipResponse {
    const { location, clock, wall } = this.#parts;
    const now = clock.now();
    const headers: HeaderLine[] = [];
    for (const { contact, expiresAt } of location.bindings(aor)) {
      headers.push(headerLine('Contact', `${contact};expires=${Math.ceil((expiresAt - now) / 1000)}`));
    }
    // RFC 3327 §5.3: the phone learns its Path only if it said that it understands.
    if (request.has('path') && request.all('supported').some((tag) => tag.toLowerCase() === 'path')) {
      for (const value of request.all('path')) headers.push(headerLine('Path', value));
    }
    if (wall !== undefined) headers.push(headerLine('Date', new Date(wall()).toUTCString()));
    return makeResponse(request, 200, this.#parts.reason(200), { toTag: this.#parts.newTag(), headers });
  }

  #refuse(request: SipRequest, { status, why, header }: Refusal): SipResponse {
    const words = this.#parts.reason(status);
    const headers = header === undefined ? [] : [header];
    return makeResponse(request, status, words === defaultReason(status) ? why : words, {
      toTag: this.#parts.newTag(),
      headers,
    });
  }
}

function hopUri(value: string): SipUri | undefined {
  return parseUri(parseNameAddr(value)?.uri ?? '');
}

function contactOf({ contact, uri, q, instance, regId, address }: Binding) {
  return { contact, uri, q, instance, regId, address };
}

function isTooBrief(seconds: number | undefined, least: number): boolean {
  return seconds !== undefined && seconds > 0 && seconds < least && seconds < HOUR;
}

function tooMany(maxContacts: number): Refusal {
  return { status: 403, why: `More Than ${maxContacts} Contacts` };
}
