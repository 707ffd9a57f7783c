// Which charts there are.
import type { AnyStateMachine } from 'xstate';
import { dialogMachine } from '../../../machines/dialog.ts';
import { subscriptionMachine } from '../../../machines/subscription.ts';
import { type Chart, chartOf } from './chart.ts';

const machines: Readonly<Record<string, readonly [machine: AnyStateMachine, about: string]>> = {
  dialog: [dialogMachine, 'a call: what one INVITE opens, until its last usage ends'],
  subscription: [subscriptionMachine, 'what a SUBSCRIBE, or a REFER outside any call, opens'],
};

export const chartNames: readonly string[] = Object.keys(machines);

export function chart(name: string): Chart | undefined {
  const found = Object.hasOwn(machines, name) ? machines[name] : undefined;
  return found && chartOf(...found);
}

export function allCharts(): Chart[] {
  return Object.values(machines).map(([machine, about]) => chartOf(machine, about));
}
