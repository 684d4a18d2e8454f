/** How far a run is: a bar in a terminal, otherwise a line now and then, as logs of schedulers want it. */

import { createRowsBar } from "../progress.ts";
import type { Screen } from "../screen.ts";

export interface RateReport {
  /** Begins to count the time; `skip` rows were there before. */
  begin(skip: number): void;
  /** So many more rows are done; in all, so many of them failed. */
  update(rows: number, failed: number): void;
  /** It may be called again. */
  end(): void;
}

const LINE_MILLISECONDS = 60_000;

/** @param visible whether a bar may be drawn; lines are only written where there is no terminal */
export function createRateReport(visible: boolean, total: number, screen: Pick<Screen, "report">): RateReport {
  const bar = createRowsBar(visible);
  let [started, reported, before, done] = [0, 0, 0, 0];
  return {
    begin: (skip) => {
      started = performance.now();
      reported = started;
      before = skip;
    },
    update: (rows, failed) => {
      done += rows;
      const now = performance.now();
      const told = { done: before + done, total, ...pace(done, total - before - done, (now - started) / 1000), failed };
      bar.update(told);
      if (!visible || process.stderr.isTTY || now - reported < LINE_MILLISECONDS) return;
      reported = now;
      screen.report(
        `inseq: ${told.done} of ${total} rows, ${told.rate}, ${told.remaining} left${failed > 0 ? `, ${failed} failed` : ""}`,
      );
    },
    end: bar.stop,
  };
}

/** @param seconds that the rows that are done have taken */
export function pace(
  done: number,
  left: number,
  seconds: number,
): { readonly rate: string; readonly remaining: string } {
  const perSecond = done / seconds;
  const rate = perSecond >= 1 ? `${perSecond.toPrecision(3)} rows/s` : `${(1 / perSecond).toPrecision(3)} s/row`;
  return { rate, remaining: duration(left / perSecond) };
}

/** `3 d 4 h`, `2 h 5 min`, `1 min 10 s`, `7 s` */
export function duration(seconds: number): string {
  const whole = Math.round(seconds);
  const units = [
    ["d", Math.floor(whole / 86_400)],
    ["h", Math.floor(whole / 3600) % 24],
    ["min", Math.floor(whole / 60) % 60],
    ["s", whole % 60],
  ] as const;
  const first = units.findIndex(([, count]) => count > 0);
  if (first < 0) return "0 s";
  const told = units.slice(first, first + 2).filter(([, count]) => count > 0);
  return told.map(([unit, count]) => `${count} ${unit}`).join(" ");
}
