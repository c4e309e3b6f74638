/** The worker, as the page sees it. */

import type { Request, Response } from "../messages";

export class Client {
  readonly #worker: Worker;

  /**
   * Starts from a blob, since such a worker is bound by the page's content security policy; one from an address is not.
   *
   * @param assets address of the page's files, ending in a slash
   */
  constructor(assets: string, heard: (response: Response) => void, broken: () => void) {
    const source = new Blob([`import ${JSON.stringify(`${assets}worker.js`)};`], { type: "text/javascript" });
    this.#worker = new Worker(URL.createObjectURL(source), { type: "module" });
    this.#worker.addEventListener("message", ({ data }: MessageEvent<Response>) => heard(data));
    this.#worker.addEventListener("error", broken);
    this.send({ kind: "load", assets });
  }

  send(request: Request): void {
    this.#worker.postMessage(request);
  }
}
