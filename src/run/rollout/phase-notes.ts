import type { Phase, PhasePart } from '../../engine/phases.js';
import type { Cohort } from '../../fleet/cohorts.js';
import { firstFew, plural } from '../../util/format-count.js';
import { tenantsCommand } from '../../util/tenants-command.js';

/** Migrations of the run's phase that schemas could not have, because another one stands before them and must wait. */
export type HeldBack = {
  schema: 'shared' | 'tenant';
  type: string | null;
  migrations: string[];
  /** The migration that they are behind. */
  behind: string;
  /** All names; empty for the shared schema. */
  tenants: string[];
};

/** What a run of one phase has left. */
export type PhaseReport = {
  name: Phase;
  /** Migrations that some schema lacks and that wait for the other phase. */
  waiting: string[];
  heldBack: HeldBack[];
};

/** A schema by its name, and what the phase takes of what it lacks. */
type Note = { schema: 'shared' | 'tenant'; type: string | null; part: PhasePart };

/** What the phase of a run leaves in each schema. A tenant that has another turn is noted again. */
export class PhaseNotes {
  readonly #phase: Phase | undefined;
  readonly #tenants = new Map<string, Note>();
  #shared: Note | undefined;

  constructor(phase: Phase | undefined) {
    this.#phase = phase;
  }

  noteShared(part: PhasePart): void {
    this.#shared = { schema: 'shared', type: null, part };
  }

  noteCohorts(decided: readonly { cohort: Pick<Cohort, 'type' | 'members'>; phase?: PhasePart }[]): void {
    for (const { cohort, phase: part } of decided) {
      if (part === undefined) continue;
      const note: Note = { schema: 'tenant', type: cohort.type, part };
      for (const { schema } of cohort.members) this.#tenants.set(schema, note);
    }
  }

  get report(): { phase?: PhaseReport } {
    if (this.#phase === undefined) return {};
    const notes = [...(this.#shared === undefined ? [] : [this.#shared]), ...this.#tenants.values()];
    const waiting = [...new Set(notes.flatMap(({ part }) => part.waiting))];
    return { phase: { name: this.#phase, waiting, heldBack: [...this.#heldBack().values()] } };
  }

  #heldBack(): Map<string, HeldBack> {
    const groups = new Map<string, HeldBack>();
    const add = ({ schema, type, part }: Note, tenants: string[]): void => {
      const { heldBack: migrations, behind } = part;
      if (behind === undefined || migrations.length === 0) return;
      const key = JSON.stringify([schema, type, behind, migrations]);
      const group = groups.get(key);
      if (group === undefined) groups.set(key, { schema, type, migrations, behind, tenants });
      else group.tenants.push(...tenants);
    };
    if (this.#shared !== undefined) add(this.#shared, []);
    for (const [tenant, note] of this.#tenants) add(note, [tenant]);
    return groups;
  }
}

/** What people must know before they go on with a deployment. Pure. */
export function phaseWarnings({ phase }: { phase?: PhaseReport }): string[] {
  if (phase === undefined) return [];
  return phase.heldBack.map(({ schema, migrations, behind, tenants }) => {
    const shown = firstFew(migrations);
    const who =
      schema === 'shared' ? 'the shared schema' : `${plural(tenants.length, 'tenant')} (${firstFew(tenants)})`;
    const are = migrations.length === 1 ? 'is' : 'are';
    return phase.name === 'pre'
      ? `${shown} ${are} held back in ${who}: ${behind} comes first, and waits for the code of an earlier release. Do not start code that needs ${shown}. When that earlier code runs everywhere, run: ${tenantsCommand('migrate', '--phase', 'post')}; then this command again.`
      : `${shown} ${are} held back in ${who}: ${behind} was not applied there before this run. When the code that needs ${behind} runs everywhere, run this command again.`;
  });
}
