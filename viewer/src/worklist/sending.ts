/** One upload on its way: fetch() does not tell how far it is, XMLHttpRequest does. */

import { ApiError, detailOf, STUDIES, type Taken } from "../api";
import type { Picked } from "./files";

const AGAIN_MS = [1000, 3000, 8000];

export interface Sending {
  /** What became of it; rejects with an ApiError, or an AbortError where it was canceled. */
  done: Promise<Taken>;
  cancel(): void;
}

/**
 * Send files; a response that got lost is asked for again under the same key, which doubles nothing.
 *
 * @param fields beside the files: the bundle, and options.
 * @param interrupted is told when the connection broke and the files will be sent again.
 */
export function send(files: Picked[], fields: Record<string, string>, progress: (sent: number, total: number) => void, interrupted: () => void): Sending {
  const key = crypto.randomUUID?.() ?? Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16)).join("");
  let current: XMLHttpRequest | undefined;
  let canceled = false;

  const once = (): Promise<Taken> =>
    new Promise((done, failed) => {
      const body = new FormData();
      for (const [name, value] of Object.entries(fields)) body.append(name, value);
      for (const { file, path } of files) body.append("files", file, path);
      const request = (current = new XMLHttpRequest());
      request.open("POST", STUDIES);
      request.setRequestHeader("idempotency-key", key);
      request.upload.addEventListener("progress", (event) => progress(event.loaded, event.total));
      request.addEventListener("load", () => {
        if (request.status === 200 || request.status === 201) done(JSON.parse(request.responseText) as Taken);
        else failed(new ApiError(request.status, detailOf(request.responseText, request.status)));
      });
      request.addEventListener("error", () => failed(new ApiError(0, "The connection broke before the files had arrived.")));
      request.addEventListener("abort", () => failed(new DOMException("canceled", "AbortError")));
      request.send(body);
    });

  const all = async (): Promise<Taken> => {
    for (const pause of [...AGAIN_MS, 0]) {
      try {
        return await once();
      } catch (error) {
        const mayHelp = error instanceof ApiError && (error.status === 0 || error.status === 409);
        if (!mayHelp || !pause || canceled) throw error;
        if (error.status === 0) interrupted();
        await new Promise((wait) => setTimeout(wait, pause));
        if (canceled) throw new DOMException("canceled", "AbortError");
      }
    }
    throw new ApiError(0, "The connection broke before the files had arrived.");
  };

  return {
    done: all(),
    cancel() {
      canceled = true;
      current?.abort();
    },
  };
}
