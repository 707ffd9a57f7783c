// What a server that does not run has left in the log of its data folder: registrations and calls, as a running one would tell them.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { StartError } from '../config/start-error.ts';
import {
  type CallAnswer,
  type CallDetailAnswer,
  callAnswer,
  callDetail,
  type RegistrationAnswer,
  registrationAnswer,
} from '../control/answers.ts';
import { ask, ControlError } from '../control/client.ts';
import { type KeptState, readKept } from '../kept.ts';
import { STORE_FOLDER } from '../persistence.ts';
import { Location } from '../registrar/location.ts';
import { restore } from '../registrar/saved.ts';
import { readLogOffline } from '../store/log-offline.ts';
import { StoreError } from '../store/store-error.ts';
import { systemClock } from '../time/clock.ts';

/** Asked of the running server, or read from what it left. Throws ControlError and StartError. */
export async function* registrations(data: string): AsyncGenerator<RegistrationAnswer> {
  try {
    for await (const item of ask(data, { ask: 'registrations' })) yield item as RegistrationAnswer;
  } catch (error) {
    const { bindings } = leftAfter(error, data);
    sayLeft(data);
    const clock = systemClock();
    const times = { clock, now: () => clock.now(), wall: Date.now };
    const location = new Location({ clock });
    restore(location, bindings, times);
    for (const binding of location.all()) yield registrationAnswer(binding, times);
    location.close();
  }
}

/** The same for calls. */
export async function* liveCalls(data: string): AsyncGenerator<CallAnswer> {
  try {
    for await (const item of ask(data, { ask: 'calls' })) yield item as CallAnswer;
  } catch (error) {
    const { dialogs } = leftAfter(error, data);
    sayLeft(data);
    for (const { dialog, record } of dialogs)
      if (record !== undefined) yield callAnswer({ ...record, dialog: dialog.facts }, undefined);
  }
}

/** One of those that live by its Call-ID, or those whose Call-ID begins so, with their states. */
export function leftCalls({ dialogs }: KeptState, callId: string): CallDetailAnswer[] {
  const alike: CallDetailAnswer[] = [];
  for (const { dialog, record, history } of dialogs) {
    const { facts } = dialog;
    if (record === undefined || !facts.callId.startsWith(callId)) continue;
    const call = callDetail({ ...record, dialog: facts }, history, undefined);
    if (facts.callId === callId) return [call];
    alike.push(call);
  }
  return alike;
}

export function sayLeft(data: string): void {
  process.stderr.write(`no server runs in ${data}: this is what the last one left\n`);
}

/** Throws `error` again where it is not for want of a server, or where none has left anything. */
export function leftAfter(error: unknown, data: string): KeptState {
  const folder = join(data, STORE_FOLDER);
  if (!(error instanceof ControlError) || error.code !== 'no-server' || !existsSync(folder)) throw error;
  try {
    return readKept(readLogOffline(folder));
  } catch (cause) {
    if (cause instanceof StoreError) throw new StartError('data-unreadable', cause.message, { cause });
    throw cause;
  }
}
