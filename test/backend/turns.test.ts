import { beforeAll, expect, test, vi } from "vitest";
import { useBackend } from "../../src/backend/backend.ts";
import { inTurn } from "../../src/backend/turns.ts";
import { BackendError } from "../../src/errors.ts";
import { tensorflow } from "../../src/tensor.ts";

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 2));

beforeAll(async () => {
  await useBackend("cpu");
});

test("work waits for what began before it, whatever became of that", async () => {
  const told: string[] = [];
  const work = (name: string, fails = false) =>
    inTurn(async () => {
      told.push(`${name} begins`);
      await pause();
      told.push(`${name} ends`);
      if (fails) throw new Error(name);
      return name;
    });
  const outcomes = await Promise.allSettled([work("a"), work("b", true), work("c")]);
  expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  expect(told).toEqual(["a begins", "a ends", "b begins", "b ends", "c begins", "c ends"]);
});

test("work that would wait for itself is refused, however late it asks, and the next one has its turn", async () => {
  const nested = async (waits: () => Promise<void>) => {
    await waits();
    return await inTurn(async () => "inner");
  };
  for (const waits of [async () => {}, pause]) {
    await expect(inTurn(() => nested(waits))).rejects.toThrow(BackendError);
    await expect(inTurn(() => nested(waits))).rejects.toThrow("received one from inside another");
  }
  expect(await inTurn(async () => "next")).toBe("next");
});

test("what a turn has begun may ask for one of its own when the turn is over", async () => {
  const later: Promise<string>[] = [];
  await inTurn(async () => {
    later.push(pause().then(() => inTurn(async () => "later")));
  });
  expect(await Promise.all(later)).toEqual(["later"]);
});

test("a backend lets go of memory a second after the last turn", async () => {
  vi.useFakeTimers();
  const backend = tensorflow.engine().backend as { rest?: () => void };
  const rest = vi.fn();
  backend.rest = rest;
  try {
    for (const _ of [1, 2]) {
      await inTurn(async () => {});
      await vi.advanceTimersByTimeAsync(999);
      expect(rest).not.toHaveBeenCalled();
    }
    await vi.advanceTimersByTimeAsync(1);
    expect(rest).toHaveBeenCalledOnce();
  } finally {
    delete backend.rest;
    vi.useRealTimers();
  }
});
