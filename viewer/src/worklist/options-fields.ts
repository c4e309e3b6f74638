/** Stated options as fields of the service's form. */

/** A file, folder or series, and the sequence it shows. */
export interface StatedRow<Name = string, Sequence = string> {
  name: Name;
  sequence: Sequence;
}

/**
 * The fields of an upload; those that state nothing are left out.
 *
 * @param register whether to align the series to each other
 * @param lengths distances of columns, rows and slices in mm, as typed; all empty, or all given
 * @param rows as typed; those without a name state nothing
 * @throws Error with one line, where lengths are not complete or a name is given twice
 */
export function fieldsOf(register: boolean, lengths: readonly string[], rows: readonly StatedRow[]): Record<string, string> {
  const fields: Record<string, string> = register ? { register: "true" } : {};
  const given = lengths.map((length) => length.trim());
  if (given.some(Boolean)) {
    if (!given.every((length) => Number(length) > 0)) throw new Error("The voxel size needs three lengths in mm: column, row and slice.");
    fields["spacing"] = given.join(",");
  }
  const sequences = new Map<string, string>();
  for (const { name, sequence } of rows) {
    const named = name.trim();
    if (!named) continue;
    if (sequences.has(named)) throw new Error(`${named} is stated twice.`);
    sequences.set(named, sequence);
  }
  if (sequences.size) fields["sequences"] = JSON.stringify(Object.fromEntries(sequences));
  return fields;
}
