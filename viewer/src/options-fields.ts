/** Stated options as the service takes them: JSON in a retry, fields of a form in an upload. */

import type { Reading } from "./api";

/** A file, folder or series, and the sequence it shows. */
export interface StatedRow<Name = string, Sequence = string> {
  name: Name;
  sequence: Sequence;
}

/**
 * What is stated in the fields.
 *
 * @param register whether to align the series to each other
 * @param lengths distances of columns, rows and slices in mm, as typed; all empty, or all given
 * @param rows as typed; those without a name state nothing
 * @throws Error with one line, where lengths are not complete or a name is given twice
 */
export function readingOf(register: boolean, lengths: readonly string[], rows: readonly StatedRow[]): Reading {
  const given = lengths.map((length) => length.trim());
  if (given.some(Boolean) && !given.every((length) => Number(length) > 0)) {
    throw new Error("The voxel size needs three lengths in mm: column, row and slice.");
  }
  const sequences = new Map<string, string>();
  for (const { name, sequence } of rows) {
    const named = name.trim();
    if (!named) continue;
    if (sequences.has(named)) throw new Error(`${named} is stated twice.`);
    sequences.set(named, sequence);
  }
  return { register, spacing: given.some(Boolean) ? given.map(Number) : null, sequences: Object.fromEntries(sequences) };
}

/** The fields of an upload; those that state nothing are left out. */
export function fieldsOf({ register, spacing, sequences }: Reading): Record<string, string> {
  const fields: Record<string, string> = register ? { register: "true" } : {};
  if (spacing) fields["spacing"] = spacing.join(",");
  if (Object.keys(sequences).length) fields["sequences"] = JSON.stringify(sequences);
  return fields;
}

/** Whether anything is stated. */
export function isStated(reading: Reading): boolean {
  return Object.keys(fieldsOf(reading)).length > 0;
}
