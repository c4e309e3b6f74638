/** The parts of a bundle that the page needs: model card, type check, input check. */

export interface OperatingPoint {
  readonly presence: number;
  readonly mask: number;
  readonly temperature: number;
  readonly type_temperature: number;
  readonly type_confidence: number;
  readonly presence_within: number | null;
  readonly min_component_size_px: number;
}

export interface Card {
  readonly name: string;
  readonly version: string;
  readonly preparation: { readonly size: number; readonly slice_distance_mm: number | null };
  readonly classes: readonly string[];
  readonly operating_point: OperatingPoint;
}

/** Centers of the types among some measures: `tumorscope.inference.type_check.Resemblance`. */
export interface Resemblance {
  readonly mean: readonly number[];
  readonly spread: readonly number[];
  readonly centers: Readonly<Record<string, readonly (readonly number[])[]>>;
  readonly precision: Readonly<Record<string, readonly (readonly number[])[]>>;
  readonly limit: number;
}

export interface TypeCheck {
  readonly feature_mean: readonly number[];
  readonly axes: readonly (readonly number[])[];
  readonly appearance: Resemblance;
  readonly place: Resemblance;
}

/** `tumorscope.preprocessing.input_check.InputCheck`. */
export interface InputCheck {
  readonly threshold: number;
  readonly certainty: number;
  readonly shape: { readonly mean: readonly number[]; readonly axes: readonly (readonly number[])[] };
  readonly center: readonly number[];
  readonly spread: readonly number[];
  readonly members: readonly {
    readonly hinges: readonly (readonly number[])[];
    readonly offset: readonly number[];
    readonly out: readonly number[];
    readonly bias: number;
  }[];
}
