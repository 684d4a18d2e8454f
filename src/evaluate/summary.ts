/** From the records of an evaluation to its table: means over items with their standard errors. */

import { bootstrap, type Estimate, pairedDifference } from "./bootstrap.ts";
import type { Evaluation } from "./evaluate.ts";
import type { RemovalOperator } from "./removal.ts";

/** One cell of the table. */
export interface Summary extends Estimate {
  readonly method: string;
  readonly metric: string;
  readonly removal: RemovalOperator | null;
}

/** Which column of the table. */
export interface Column {
  readonly metric: string;
  readonly removal: RemovalOperator | null;
}

/** The columns of the table, in the order in which the records have them. */
export function columnsOf(evaluations: readonly Evaluation[]): Column[] {
  const all = evaluations.flatMap(({ results }) => results.map(({ metric, removal }) => ({ metric, removal })));
  return [...new Map(all.map((column) => [JSON.stringify(column), column])).values()];
}

/** The mean of every method and metric over the items, with its standard error from resampled items. */
export function summarize(evaluations: readonly Evaluation[], seed = 0): Summary[] {
  const methods = [...new Set(evaluations.map(({ method }) => method))];
  const items = itemsOf(evaluations);
  return methods.flatMap((method) =>
    columnsOf(evaluations).map((column) => {
      const values = valuesOf(evaluations, method, column, items).filter((value) => value !== null);
      return { method, ...column, ...bootstrap(values, seed) };
    }),
  );
}

/** The mean of method a minus method b over the items that both have, with its standard error. */
export function compareMethods(
  evaluations: readonly Evaluation[],
  [a, b]: readonly [string, string],
  column: Column,
  seed = 0,
): Estimate {
  const items = itemsOf(evaluations);
  const values = (method: string) => valuesOf(evaluations, method, column, items);
  return pairedDifference(values(a), values(b), seed);
}

const itemsOf = (evaluations: readonly Evaluation[]): number[] =>
  [...new Set(evaluations.map(({ item }) => item))].sort((a, b) => a - b);

/** A method's value for each item, null where there is none. */
function valuesOf(
  evaluations: readonly Evaluation[],
  method: string,
  { metric, removal }: Column,
  items: readonly number[],
): (number | null)[] {
  const own = new Map(evaluations.filter((one) => one.method === method).map((one) => [one.item, one.results]));
  return items.map((item) => {
    const result = own.get(item)?.find((one) => one.metric === metric && one.removal === removal);
    return result?.value ?? null;
  });
}
