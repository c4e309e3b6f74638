import assert from "node:assert/strict";
import { test } from "node:test";
import { Companions } from "../../src/viewport/companions";

class Follower {
  slice = 0;
  told = 0;

  constructor(private readonly group: Companions<Follower>) {
    group.join(this);
  }

  set(slice: number): void {
    this.slice = slice;
    this.told += 1;
    this.group.pass(this, (other) => other.set(slice));
  }
}

test("what is done to one is done to each of the others once, wherever it begins", () => {
  const group = new Companions<Follower>();
  const [one, other, third] = [new Follower(group), new Follower(group), new Follower(group)];
  one.set(4);
  other.set(7);
  group.leave(third);
  one.set(9);
  assert.deepEqual([one, other, third].map(({ slice, told }) => [slice, told]), [[9, 3], [9, 3], [7, 2]]);
});

test("a fault in one does not silence the group", () => {
  const group = new Companions<{ act(): void }>();
  const [good, bad] = [{ act: () => undefined }, { act: () => { throw new Error("broken"); } }];
  group.join(good);
  group.join(bad);
  assert.throws(() => group.pass(good, (other) => other.act()));
  let heard = 0;
  group.pass(bad, () => { heard += 1; });
  assert.equal(heard, 1);
});
