/** The page in a real browser: headless Chromium, where one is installed (`CHROMIUM_PATH`, or on the path). */

import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { pathToFileURL } from "node:url";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { renderHtml } from "../../src/render/html.ts";
import { renderSvg } from "../../src/render/svg.ts";
import { causal, goldenSequence, hostile, hostileTokens } from "./cases.ts";

const chromiumPath = findChromium();
const suite =
  chromiumPath === null
    ? "the page in Chromium (skipped: none on the path and CHROMIUM_PATH is not set)"
    : "the page in Chromium";

describe.skipIf(chromiumPath === null)(suite, () => {
  const folder = mkdtempSync(join(tmpdir(), "inseq-page-"));
  let browser: Browser | null = null;

  beforeAll(async () => {
    const quiet = [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
    ];
    const args = [...quiet, "--disable-component-update", "--disable-sync"];
    browser = await chromium.launch({ executablePath: chromiumPath ?? "", args });
  });
  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true });
  });

  /** Opens the document from disk, runs `check`, and expects silence on the console and on the network. */
  async function open(
    name: string,
    content: string,
    check: (page: Page) => Promise<void>,
    options: BrowserContextOptions & { readonly hash?: string } = {},
  ): Promise<void> {
    if (browser === null) throw new Error("the browser did not start");
    const { hash = "", ...contextOptions } = options;
    const path = join(folder, name);
    writeFileSync(path, content);
    const context = await browser.newContext(contextOptions);
    const page = await context.newPage();
    const events: string[] = [];
    page.on("console", (message) => events.push(`console: ${message.text()}`));
    page.on("pageerror", (error) => events.push(`error: ${error.message}`));
    page.on("dialog", (dialog) => events.push(`dialog: ${dialog.message()}`));
    page.on("request", (request) => events.push(`request: ${request.url().replace(/#.*/, "")}`));
    await page.goto(pathToFileURL(path).href + hash);
    await check(page);
    await context.close();
    expect(events).toEqual([`request: ${pathToFileURL(path).href}`]);
  }

  const marian = goldenSequence("marian/expected/saliency.agg.json");
  const contrast = goldenSequence("gpt2/expected/saliency_contrast_prob_diff.agg.json");
  const info = { attribution_method: "saliency", model_name: "tiny" };
  const score = (row: number, column: number) => marian.sourceAttributions?.values[row * 14 + column] ?? Number.NaN;

  test("choosing a token by click, keys and address colours its inputs and says exact values", async () => {
    await open("choose.html", renderHtml([marian, contrast], info), async (page) => {
      expect(await page.textContent("#chosen")).toBe("S");
      const word = page.locator("#source .token").nth(1);
      await word.hover();
      expect(await page.textContent("#tip strong")).toBe(String(Number(score(1, 0).toPrecision(6))));
      await page.locator("#target .output").nth(3).click();
      expect(await page.textContent("#chosen")).toBe("was");
      expect(await page.evaluate("location.hash")).toBe("#s=0&t=3&view=text");
      await word.hover();
      expect(await page.textContent("#tip strong")).toBe(String(Number(score(1, 3).toPrecision(6))));
      expect(await word.getAttribute("aria-label")).toContain(String(Number(score(1, 3).toPrecision(6))));
      expect(await word.getAttribute("aria-describedby")).toBe("tip");
      await page.locator("#target .output").nth(3).focus();
      await page.keyboard.press("ArrowRight");
      await page.keyboard.press("ArrowRight");
      expect(await page.textContent("#chosen")).toBe("ve");
      await page.keyboard.press("Home");
      expect(await page.textContent("#chosen")).toBe("S");
      await page.evaluate("location.hash = '#s=0&t=8&view=text'");
      await page.waitForFunction("document.querySelector('#chosen').textContent === 'ha'");
      // The strongest token of the choice has the full colour.
      expect(await page.locator("#reading .token.p50").count()).toBe(1);
      await page.selectOption("#sequence", "1");
      expect(await page.locator("#source").isVisible()).toBe(false);
      expect(await page.textContent("#position")).toContain("of 8");
    });
  });

  test("an address opens a matrix, whose cells say exact values on hover and on focus", async () => {
    const check = async (page: Page) => {
      expect(await page.locator("#reading").isVisible()).toBe(false);
      const cell = page.locator("#matrix0 table").first().locator("tbody tr").nth(2).locator("td").nth(4);
      await cell.hover();
      expect(await page.textContent("#tip strong")).toBe(String(Number(score(2, 4).toPrecision(6))));
      await page.locator("#matrix0 tbody td").first().focus();
      await page.keyboard.press("ArrowDown");
      await page.keyboard.press("ArrowRight");
      expect(await page.textContent("#tip strong")).toBe(String(Number(score(1, 1).toPrecision(6))));
      await page.locator("#matrix0 thead a").nth(5).click();
      await page.locator("#reading").waitFor({ state: "visible" });
      expect(await page.textContent("#position")).toContain("output token 6 of 14");
    };
    await open("matrix.html", renderHtml([marian], info), check, { hash: "#s=0&t=2&view=matrix" });
  });

  test("light and dark: the system's choice, and the switch", async () => {
    const ground = (page: Page) => page.evaluate("getComputedStyle(document.querySelector('.card')).backgroundColor");
    const content = renderHtml([marian], info);
    const check = async (page: Page) => {
      const dark = await ground(page);
      expect(dark).not.toBe("rgb(255, 255, 255)");
      await page.click("#theme");
      expect(await ground(page)).toBe("rgb(255, 255, 255)");
      await page.click("#theme");
      expect(await ground(page)).toBe(dark);
    };
    await open("dark.html", content, check, { colorScheme: "dark" });
    await open("light.html", content, async (page) => expect(await ground(page)).toBe("rgb(255, 255, 255)"));
  });

  test("without JavaScript the tables stand there, coloured, and no dead controls", async () => {
    const check = async (page: Page) => {
      expect(await page.locator("table").count()).toBe(2);
      expect(await page.locator("tbody td").first().isVisible()).toBe(true);
      expect(await page.locator(".controls").isVisible()).toBe(false);
      expect(await page.locator("#reading").isVisible()).toBe(false);
    };
    await open("static.html", renderHtml([marian], info), check, { javaScriptEnabled: false });
  });

  test("hostile tokens are text and nothing else", async () => {
    const content = renderHtml(
      [hostile()],
      { attribution_method: "<img src=x onerror=alert(9)>" },
      { title: "</title><b>" },
    );
    await open("hostile.html", content, async (page) => {
      expect(await page.locator("img, b, main script").count()).toBe(0);
      expect(await page.locator("#source .token").first().textContent()).toBe(hostileTokens[0]);
      expect(await page.locator("#target .output").count()).toBe(hostileTokens.length);
      expect(await page.title()).toBe("</title><b>");
    });
  });

  test("three hundred tokens stay usable", async () => {
    const long = causal(
      Array.from({ length: 300 }, (_, index) => `▁word${index}`),
      10,
    );
    await open("long.html", renderHtml([long], info), async (page) => {
      expect(await page.locator("#target .output").count()).toBe(290);
      const time = await page.evaluate(
        "(() => { const start = performance.now(); document.querySelectorAll('.output')[200].click(); document.body.offsetHeight; return performance.now() - start; })()",
      );
      expect(await page.textContent("#chosen")).toBe("word210");
      // A reader notices a tenth of a second; machines that run tests may be ten times slower than a reader's.
      expect(time).toBeLessThan(1000);
    });
  });

  test("figures are XML that a browser accepts, whatever the tokens", async () => {
    for (const layout of ["matrix", "text"] as const) {
      await open(`${layout}.svg`, renderSvg(hostile(), { layout, title: "]]>&" }), async (page) => {
        expect(await page.evaluate("document.documentElement.nodeName")).toBe("svg");
        expect(await page.evaluate("document.getElementsByTagName('parsererror').length")).toBe(0);
        expect(await page.evaluate("document.getElementsByTagName('text').length")).toBeGreaterThan(20);
      });
    }
  });
});

function findChromium(): string | null {
  const named = process.env.CHROMIUM_PATH;
  if (named !== undefined && named !== "") return named;
  const folders = (process.env.PATH ?? "").split(delimiter).filter((folder) => folder !== "");
  const candidates = ["chromium", "google-chrome"].flatMap((name) => folders.map((folder) => join(folder, name)));
  return candidates.find((path) => existsSync(path)) ?? null;
}
