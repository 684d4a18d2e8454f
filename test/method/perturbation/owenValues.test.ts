/** Owen values: of any game and any tree they add up, with one level they are Shapley values, with pairs SHAP's partition values. */

import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Coalition, Tree } from "../../../src/method/perturbation/game.ts";
import { owenValues } from "../../../src/method/perturbation/owenValues.ts";
import { shapleyValues } from "../../../src/method/perturbation/shapleyValues.ts";
import { bitsOf, gameOf, lookUp, near } from "../../support/games.ts";
import { goldenPath } from "../../support/goldenResults.ts";

const games = JSON.parse(readFileSync(goldenPath("games.json"), "utf8")) as {
  partition: { table: number[]; links: [number, number][]; values: number[] }[];
};

/** Players in the order of the text, cut into groups by numbers, and these into larger groups. */
const anyGroupedGame = fc.integer({ min: 1, max: 6 }).chain((players) =>
  fc.record({
    players: fc.constant(players),
    table: fc.array(fc.double({ min: -3, max: 3, noNaN: true }), { minLength: 2 ** players, maxLength: 2 ** players }),
    cuts: fc.array(fc.array(fc.boolean(), { minLength: players, maxLength: players }), { maxLength: 2 }),
  }),
);

function treeOf(players: number, cuts: readonly (readonly boolean[])[]): Tree[] {
  let branches: Tree[] = Array.from({ length: players }, (_, p) => p);
  for (const cut of cuts) {
    const grouped: Tree[][] = [];
    for (const [i, branch] of branches.entries()) {
      if (i === 0 || cut[i]) grouped.push([branch]);
      else grouped.at(-1)?.push(branch);
    }
    branches = grouped.map((group) => (group.length === 1 ? (group[0] as Tree) : group));
  }
  return branches;
}

const playersOf = (tree: Tree): number[] => (typeof tree === "number" ? [tree] : tree.flatMap(playersOf));
/** Enough orders that all coalitions of the tree are no more work: exact. */
const exact = { nSamples: 1000 };

test("with one level they are the Shapley values", async () => {
  await fc.assert(
    fc.asyncProperty(anyGroupedGame, async ({ players, table }) => {
      const game = gameOf(players, [lookUp(table)]);
      near(await owenValues.run(game, exact), [[...((await shapleyValues.run(game, {}))[0] ?? [])]], 1e-9);
    }),
    { numRuns: 30 },
  );
});

test.each([exact, { nSamples: 2 }])(
  "they add up to what everyone is worth, and groups to theirs: %o",
  async (options) => {
    await fc.assert(
      fc.asyncProperty(anyGroupedGame, async ({ players, table, cuts }) => {
        const tree = treeOf(players, cuts);
        const [scores] = await owenValues.run({ ...gameOf(players, [lookUp(table)]), tree }, options);
        const total = scores?.reduce((sum, score) => sum + score, 0) ?? Number.NaN;
        expect(Math.abs(total - ((table[2 ** players - 1] ?? 0) - (table[0] ?? 0)))).toBeLessThan(1e-9);
        if (options !== exact) return;
        // The game that the branches play among themselves.
        const between = (kept: Coalition): number => {
          const all = new Uint8Array(players);
          for (const p of tree.filter((_, b) => kept[b] === 1).flatMap(playersOf)) all[p] = 1;
          return lookUp(table)(all);
        };
        const [ofBranches] = await shapleyValues.run(gameOf(tree.length, [between]), {});
        for (const [b, branch] of tree.entries()) {
          const sum = playersOf(branch).reduce((s, p) => s + (scores?.[p] ?? Number.NaN), 0);
          expect(Math.abs(sum - (ofBranches?.[b] ?? Number.NaN))).toBeLessThan(1e-9);
        }
      }),
      { numRuns: 30 },
    );
  },
);

test.each(games.partition)(
  "of a tree of pairs they are SHAP's partition values: $links",
  async ({ table, links, values }) => {
    const clusters: Tree[] = values.map((_, p) => p);
    for (const [a, b] of links) clusters.push([clusters[a] as Tree, clusters[b] as Tree]);
    const game = { ...gameOf(values.length, [lookUp(table)]), tree: clusters.at(-1) as readonly Tree[] };
    near(await owenValues.run(game, exact), [values], 1e-6);
  },
);

test("a player that changes nothing gets 0", async () => {
  await fc.assert(
    fc.asyncProperty(anyGroupedGame, fc.nat(5), async ({ players, table, cuts }, which) => {
      const dummy = which % players;
      const value = (kept: Coalition): number => lookUp(table)(kept.map((one, p) => (p === dummy ? 0 : one)));
      const [scores] = await owenValues.run({ ...gameOf(players, [value]), tree: treeOf(players, cuts) }, exact);
      expect(Math.abs(scores?.[dummy] ?? Number.NaN)).toBeLessThan(1e-9);
    }),
    { numRuns: 30 },
  );
});

test("the number of coalitions is that of different ones; fewer are sampled, and keep groups together", async () => {
  const tree = [[0, 1, 2], 3, [[4, 5], 6]];
  const asked = new Set<number>();
  const value = (kept: Coalition): number => {
    asked.add(bitsOf(kept));
    return Math.sin(3 * bitsOf(kept));
  };
  const game = { ...gameOf(7, [value], 4), tree };
  const [whole] = await owenValues.run(game, exact);
  expect(owenValues.evaluations(exact, game)).toBe(asked.size);
  const all = new Set(asked);
  asked.clear();
  const [sampled] = await owenValues.run(game, { nSamples: 4 });
  expect(owenValues.evaluations({ nSamples: 4 }, game)).toBe(2 + 4 * 6);
  expect(asked.size).toBeLessThan(all.size);
  expect([...asked].every((bits) => all.has(bits))).toBe(true);
  expect([...(sampled ?? [])]).not.toEqual([...(whole ?? [])]);
  expect(() => owenValues.evaluations({ nSamples: 0 }, game)).toThrow("nSamples: expected a positive integer");
});
