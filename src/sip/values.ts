// What header values are parsed to, and what stands for those that are absent or malformed.
import type { Params } from './params.ts';

export interface Via {
  /** Upper case. */
  readonly transport: string;
  /** The sent-by host as written, IPv6 with its brackets. */
  readonly host: string;
  readonly port: number | undefined;
  readonly branch: string | undefined;
  /** Without brackets. */
  readonly received: string | undefined;
  /** null: asked for, without a value. */
  readonly rport: number | null | undefined;
  readonly maddr: string | undefined;
  readonly params: Params;
  readonly raw: string;
}

/** From, To, Contact, Route, Refer-To ... */
export interface NameAddr {
  /** Without quotes and backslashes. */
  readonly display: string | undefined;
  readonly uri: string;
  readonly tag: string | undefined;
  readonly params: Params;
  readonly raw: string;
}

export interface CSeq {
  readonly number: number;
  readonly method: string;
}

/** Stand for what is absent or malformed, so that the views never throw. `parse` lets no such message pass as good. */
export const NO_VIA: Via = {
  transport: '',
  host: '',
  port: undefined,
  branch: undefined,
  received: undefined,
  rport: undefined,
  maddr: undefined,
  params: [],
  raw: '',
};
export const NO_CSEQ: CSeq = { number: -1, method: '' };
export const NO_ADDRESS: NameAddr = { display: undefined, uri: '', tag: undefined, params: [], raw: '' };
