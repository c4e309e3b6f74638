/**
 * Keeps the page's files, so that it opens without network, and serves them with the headers that a plain file server
 * does not send: they isolate the page, which lets the network use several threads, and put its workers under its policy.
 */

declare const FILES: readonly string[];
declare const VERSION: string;
declare const POLICY: string;
const worker = self as unknown as ServiceWorkerGlobalScope;

const NAME = `tumorscope-${worker.registration.scope}`;
const CACHE = `${NAME}-${VERSION}`;

worker.addEventListener("install", (event) => {
  event.waitUntil(keep());
});

worker.addEventListener("activate", (event) => {
  event.waitUntil(forgetOthers().then(() => worker.clients.claim()));
});

worker.addEventListener("fetch", (event) => {
  const { method, url } = event.request;
  if (method === "GET" && url.startsWith(worker.registration.scope)) event.respondWith(serve(event.request));
});

/** Responses in the browser's own cache may be stale: each is revalidated. */
async function keep(): Promise<void> {
  const cache = await caches.open(CACHE);
  await cache.addAll(FILES.map((file) => new Request(file, { cache: "no-cache" })));
}

async function forgetOthers(): Promise<void> {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name.startsWith(NAME) && name !== CACHE).map((name) => caches.delete(name)));
}

async function serve(request: Request): Promise<Response> {
  const cache = await caches.open(CACHE);
  const path = request.url.slice(worker.registration.scope.length).replace(/[?#].*$/, "");
  const found = await cache.match(path === "" ? "index.html" : request, { ignoreSearch: true });
  return isolated(found ?? (await fetch(request)));
}

function isolated(response: Response): Response {
  const headers = new Headers(response.headers);
  headers.set("Cross-Origin-Opener-Policy", "same-origin");
  headers.set("Cross-Origin-Embedder-Policy", "require-corp");
  headers.set("Content-Security-Policy", POLICY);
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers });
}
