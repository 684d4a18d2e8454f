/** What the environment says about the hub, in the variables of Python's `huggingface_hub`. */

import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { OptionError } from "../../errors.ts";
import type { HubSettings } from "../../model/hub/client.ts";
import type { HubOptions } from "../../model/hub/repository.ts";
import { ifThere } from "../ifThere.ts";

export interface NodeHubSettings extends HubSettings {
  /** Folder of the cache, shared with Python. */
  readonly cache: string;
  readonly offline: boolean;
}

/**
 * Options count before variables: `HF_ENDPOINT`, `HF_HUB_CACHE`, `HF_HOME`, `XDG_CACHE_HOME`, `HF_TOKEN`, `HF_TOKEN_PATH`,
 * `HF_HUB_DISABLE_IMPLICIT_TOKEN`, `HF_HUB_OFFLINE`, `TRANSFORMERS_OFFLINE`, `HF_HUB_ETAG_TIMEOUT`, `HF_HUB_DOWNLOAD_TIMEOUT`.
 * @throws OptionError for a variable that cannot be what it is
 */
export async function readHubSettings(
  options: HubOptions,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Promise<NodeHubSettings> {
  const path = (value: string) => value.replace(/^~(?=\/|$)/, homedir());
  const { XDG_CACHE_HOME: xdg, HF_HOME: home, HF_ENDPOINT: endpoint = "" } = environment;
  const hfHome = path(home ?? join(xdg ?? "~/.cache", "huggingface"));
  const cache = options.cacheDir ?? environment.HF_HUB_CACHE ?? environment.HUGGINGFACE_HUB_CACHE;
  const seconds = (name: string) => {
    const value = Number(environment[name] || 10);
    if (value > 0) return value * 1000;
    throw new OptionError(`${name}: expected a number of seconds, received ${JSON.stringify(environment[name])}`);
  };
  if (endpoint !== "" && !/^https?:\/\//.test(endpoint)) {
    throw new OptionError(`HF_ENDPOINT: expected an http or https URL, received ${JSON.stringify(endpoint)}`);
  }
  return {
    endpoint: (endpoint || "https://huggingface.co").replace(/\/+$/, ""),
    token: await tokenOf(options, environment, path(environment.HF_TOKEN_PATH ?? join(hfHome, "token"))),
    answerTimeout: seconds("HF_HUB_ETAG_TIMEOUT"),
    idleTimeout: seconds("HF_HUB_DOWNLOAD_TIMEOUT"),
    retryDelay: 1000,
    signal: options.signal,
    cache: path(cache ?? join(hfHome, "hub")),
    offline: options.localFilesOnly ?? (isTrue(environment.HF_HUB_OFFLINE) || isTrue(environment.TRANSFORMERS_OFFLINE)),
  };
}

async function tokenOf(
  { token }: HubOptions,
  environment: Readonly<Record<string, string | undefined>>,
  file: string,
): Promise<string | undefined> {
  if (token === false) return undefined;
  if (token !== undefined) return token;
  if (isTrue(environment.HF_HUB_DISABLE_IMPLICIT_TOKEN)) return undefined;
  const set = (environment.HF_TOKEN ?? environment.HUGGING_FACE_HUB_TOKEN)?.trim();
  if (set) return set;
  return (await ifThere(() => readFile(file, "utf8")))?.trim() || undefined;
}

function isTrue(value: string | undefined): boolean {
  return /^(?:1|on|yes|true)$/i.test(value ?? "");
}
