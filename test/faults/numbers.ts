/** How many rounds each kind of fault gets, and how large the fleet is. */
export type Numbers = {
  tenants: number;
  kills: number;
  restarts: number;
  cuts: number;
  pairs: number;
  creations: number;
  /** Of each command other than `migrate`. */
  commands: number;
  swallows: number;
  hostile: number;
  clocks: number;
  shadows: number;
  failovers: number;
  pauses: number;
};

const SHORT: Numbers = {
  tenants: 10,
  kills: 1,
  restarts: 1,
  cuts: 1,
  pairs: 1,
  creations: 1,
  commands: 1,
  swallows: 1,
  hostile: 1,
  clocks: 1,
  shadows: 1,
  failovers: 1,
  pauses: 1,
};

/** `TENANTS_FAULTS` is the number of killed runs; the other numbers follow from it. Without it everything is short. */
export const NUMBERS = numbersOf(process.env['TENANTS_FAULTS']);

export const IS_LONG = NUMBERS !== SHORT;

function numbersOf(asked: string | undefined): Numbers {
  const kills = Number(asked ?? Number.NaN);
  if (Number.isNaN(kills)) return SHORT;
  const part = (share: number): number => Math.max(1, Math.round(kills * share));
  return {
    tenants: 50,
    kills,
    restarts: part(1 / 4),
    cuts: part(1 / 4),
    pairs: part(1 / 10),
    creations: part(1 / 10),
    commands: part(1 / 20),
    swallows: part(1 / 10),
    hostile: part(1 / 10),
    clocks: part(1 / 20),
    shadows: part(1 / 40),
    failovers: part(1 / 20),
    pauses: part(1 / 40),
  };
}
