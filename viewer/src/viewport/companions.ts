/** Viewports on one scan that are looked at together: what is done to one is done to all. */

export class Companions<T> {
  private readonly members = new Set<T>();
  private passing = false;

  join(member: T): void {
    this.members.add(member);
  }

  leave(member: T): void {
    this.members.delete(member);
  }

  /** Do to the others what was done to one; what they pass on in turn is dropped. */
  pass(from: T, act: (other: T) => void): void {
    if (this.passing) return;
    this.passing = true;
    try {
      for (const member of this.members) if (member !== from) act(member);
    } finally {
      this.passing = false;
    }
  }
}
