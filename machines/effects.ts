// The effects of the charts as XState knows them: each name exists here, each body is the host's to provide.
import type { Effect } from './types.ts';

/** The params of an effect, by its name; undefined where it has none. */
type ParamsOf<Name extends Effect['type']> =
  Extract<Effect, { type: Name }> extends { params: infer Params } ? Params : undefined;

/** What `setup` takes: one body for each effect. */
export type EffectBodies = { [Name in Effect['type']]: (args: unknown, params: ParamsOf<Name>) => void };

const neverProvided = (name: Effect['type']) => (): void => {
  throw new Error(
    `The effect "${name}" was never provided: the host gives it by machine.provide({ actions })`,
  );
};

export const effects: EffectBodies = {
  forward: neverProvided('forward'),
  reply: neverProvided('reply'),
  cancelBranches: neverProvided('cancelBranches'),
  giveUp: neverProvided('giveUp'),
  startTimer: neverProvided('startTimer'),
  stopTimer: neverProvided('stopTimer'),
  journal: neverProvided('journal'),
};
