/**
 * The engine's side of `SiteProblem`: the question asked of activations inside the model.
 *
 * Gradients at all sites come from one forward and one backward pass, with respect to a zero that is added to each site's
 * activation. Where a site's activation moves by itself (`at`), it is replaced: a `Runner` whose input is that activation
 * makes an ordinary `Problem` of it.
 */

import type { Path, Problem, SiteProblem } from "../../method/problem.ts";
import type { Site } from "../../model/sites.ts";
import { multipliers } from "../../ops/multipliers.ts";
import { repeat } from "../../ops/repeat.ts";
import { inseqRule, rescaleRule } from "../../ops/rescale.ts";
import { clone, concat, dispose, expandDims, slice, squeeze, sum, type Tensor, tidy, zeros } from "../../tensor.ts";
import type { Runner } from "../runner/runner.ts";
import {
  behindReadings,
  chunks,
  createProblem,
  logitsRead,
  type OwnedProblem,
  type ProblemOptions,
  sumOverPath,
  type Target,
} from "./problem.ts";
import { adding, reading, replacing } from "./siteAccess.ts";

export interface SitePlace {
  readonly runner: Runner;
  readonly sites: readonly Site[];
  /** For each step the positions after which it reads the model, [N][L]. */
  readonly positions_NL: readonly (readonly number[])[];
  readonly target: Target;
  readonly options: ProblemOptions;
}

export interface OwnedSiteProblem extends SiteProblem {
  /** Frees all that the problem has handed out. */
  dispose(): void;
}

/** The problem at some sites, beside the problem at the embeddings for the same steps. */
export function createSiteProblem(embeddings: Problem, place: SitePlace): OwnedSiteProblem {
  const { runner, sites, positions_NL, target, options } = place;
  const { steps } = embeddings;
  const readings = positions_NL[0]?.length ?? 1;
  const pointsPerPass = Math.max(1, Math.floor(options.rows / steps));
  const owned: Tensor[] = [];
  const problems: OwnedProblem[] = [];
  const own = (tensors: readonly Tensor[]): Tensor[] => {
    owned.push(...tensors);
    return [...tensors];
  };

  /** [K, S, D] of each site, at K points of the embeddings. */
  function read(points: readonly Tensor[]): Tensor[] {
    const found: Tensor[] = [];
    tidy(() => {
      runner.logitsAtAll(points, [Math.max(...positions_NL.flat())], reading(sites, found));
    });
    return found;
  }
  const readOne = (point: readonly Tensor[]): Tensor[] => {
    const found = tidy(() => read(point.map((x_SD) => expandDims(x_SD, 0))));
    const squeezed = tidy(() => found.map((a_1SD) => squeeze(a_1SD, [0])));
    dispose(found);
    return squeezed;
  };

  /** Zeros [R, S, D] for each site. */
  let shapes: (readonly number[])[] | undefined;
  function nothing(rows: number): Tensor[] {
    if (shapes === undefined) {
      const found = readOne(embeddings.inputs);
      shapes = found.map(({ shape }) => shape);
      dispose(found);
    }
    return shapes.map((shape) => repeat(zeros([1, ...shape]), rows));
  }
  const repeated = (points: readonly Tensor[]): Tensor[] => points.map((x_KSD) => repeat(x_KSD, steps));

  return {
    embeddings,
    sites: sites.length,

    async activations(points) {
      const K = points[0]?.shape[0] ?? 0;
      const parts: Tensor[][] = [];
      for (const [from, to] of chunks(K, Math.max(1, options.rows))) {
        const some = tidy(() =>
          points.map((x_KSD) => slice(x_KSD, [from, 0, 0], [to - from, ...x_KSD.shape.slice(1)])),
        );
        parts.push(read(some));
        dispose(some);
        await options.betweenPasses();
      }
      const all = tidy(() =>
        sites.map((_, i) =>
          concat(
            parts.map((part) => part[i] as Tensor),
            0,
          ),
        ),
      );
      dispose(parts.flat());
      return own(all);
    },

    async gradient(path: Path) {
      const differentiate = (from: number, to: number) => {
        const rows = repeated(path.points(from, to));
        const score = (...summands: Tensor[]): Tensor => {
          const logits = logitsRead(runner, rows, to - from, positions_NL, adding(sites, summands));
          return target.score(logits, to - from, behindReadings(rows, readings));
        };
        return { xs: nothing((to - from) * steps), score };
      };
      return own(await sumOverPath(path, { steps, pointsPerPass, options, differentiate }));
    },

    async multipliers(here, there, rule) {
      const result = tidy(() => {
        const one = (points: readonly Tensor[]): Tensor[] => repeated(points.map((x_SD) => expandDims(x_SD, 0)));
        const inputs = { here: one(here), there: one(there) };
        const xs = nothing(steps);
        const others = nothing(steps);
        // The runs differ in the embeddings below the sites, and tell themselves apart by the zeros that they are given.
        const summed = (...summands: Tensor[]): Tensor => {
          const rows = summands[0] === xs[0] ? inputs.here : inputs.there;
          const logits = logitsRead(runner, rows, 1, positions_NL, adding(sites, summands));
          return sum(target.score(logits, 1, behindReadings(rows, readings)));
        };
        options.onEntry();
        return multipliers(summed, xs, others, rule === "rescale" ? rescaleRule : inseqRule);
      });
      options.onPass(steps);
      await options.betweenPasses();
      return own(result);
    },

    at(index) {
      const site = sites[index] as Site;
      const rows = (xs: readonly Tensor[]): Tensor[] => {
        const [B = 0] = xs[0]?.shape ?? [];
        return embeddings.inputs.map((x_SD) => repeat(expandDims(x_SD, 0), B));
      };
      const activationAt = (points: readonly Tensor[]): Tensor[] => {
        const all = readOne(points);
        dispose(all.filter((_, i) => i !== index));
        return [all[index] as Tensor];
      };
      const replaced: Runner = {
        ...runner,
        hasSource: site.stack === "encoder",
        inputs: () => activationAt(embeddings.inputs),
        references: () => [{ embeddings: activationAt(embeddings.baseline.embeddings), ids: [null] }],
        words: () => [],
        logits: (xs, positions_R) => runner.logits(rows(xs), positions_R, replacing(site, xs[0] as Tensor)),
        logitsAtAll: (xs, positions) => runner.logitsAtAll(rows(xs), positions, replacing(site, xs[0] as Tensor)),
        logitsAtEach: (xs, positions) =>
          runner.logitsAtEach(rows(xs), positions, { sites: replacing(site, xs[0] as Tensor) }),
      };
      const problem = createProblem(replaced, positions_NL, target, options);
      problems.push(problem);
      return problem;
    },

    dispose() {
      dispose(owned);
      for (const problem of problems) problem.dispose();
    },
  };
}

/** The embeddings themselves as sites, for methods that are asked for no layer. */
export function embeddingSites(embeddings: Problem): OwnedSiteProblem {
  const owned: Tensor[] = [];
  return {
    embeddings,
    sites: embeddings.inputs.length,
    async activations(points) {
      const copies = points.map(clone);
      owned.push(...copies);
      return copies;
    },
    gradient: (path) => embeddings.gradient(path),
    multipliers: (here, there, rule) => embeddings.multipliers(here, there, rule),
    at: (index) => oneInput(embeddings, index),
    dispose: () => dispose(owned),
  };
}

/** The problem in which one input moves and the others stay what they are. */
function oneInput(problem: Problem, index: number): Problem {
  const only = <Item>(items: readonly Item[]): Item[] => items.slice(index, index + 1);
  const beside = ([moving]: readonly Tensor[]): Tensor[] =>
    problem.inputs.map((x_SD, i) => {
      const K = moving?.shape[0] ?? 0;
      return i === index && moving !== undefined ? moving : repeat(expandDims(x_SD, 0), K);
    });
  return {
    ...problem,
    inputs: only(problem.inputs),
    baseline: { embeddings: only(problem.baseline.embeddings), ids: only(problem.baseline.ids) },
    words: only(problem.words),
    async value(points) {
      const all = tidy(() => beside(points.map(clone)));
      try {
        return await problem.value(all);
      } finally {
        dispose(all);
      }
    },
    gradient: async (path) =>
      only(await problem.gradient({ ...path, points: (...range) => beside(path.points(...range)) })),
    multipliers: async (here, there, rule) => {
      const filled = (point: readonly Tensor[]) =>
        problem.inputs.map((x_SD, i) => (i === index ? (point[0] ?? x_SD) : x_SD));
      return only(await problem.multipliers(filled(here), filled(there), rule));
    },
  };
}
