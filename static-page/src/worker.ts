/** Reads, checks and analyzes beside the page, which stays responsive. One request is done after the other. */

import { percentile, sorted } from "./arrays/statistics";
import { strided, type Volume } from "./arrays/volume";
import { Analysis } from "./findings/analysis";
import type { Card, InputCheck, TypeCheck } from "./findings/card";
import { Network } from "./findings/network";
import { verdictOn } from "./input-check/verdict";
import type { Loaded, Request, Response, Shown } from "./messages";
import { openScan } from "./reading/open";
import { pixelAspect, type Scan, UnreadableScan } from "./reading/scan";

interface Model {
  readonly network: Network;
  readonly card: Card;
  readonly typeCheck: TypeCheck;
  readonly inputCheck: InputCheck;
}

let model: Promise<Model> | null = null;
let analysis: { readonly scan: number; readonly run: Analysis | null } | null = null;
let last: Promise<void> = Promise.resolve();
/** The file that was given last. While it waits to be read, nothing more is computed for the one before. */
let newest = 0;
/** The scan whose analysis is to end. */
let stopping: number | null = null;

self.addEventListener("message", ({ data }: MessageEvent<Request>) => {
  if (data.kind === "open") newest = data.scan;
  if (data.kind === "stop") stopping = data.scan;
  else last = last.then(() => answer(data)).catch((error: unknown) => failed(data, error));
});

async function answer(request: Exclude<Request, { kind: "stop" }>): Promise<void> {
  if (request.kind === "load") {
    model = loadModel(request.assets);
    reply({ kind: "loaded", loaded: describe(await model) });
    return;
  }
  if (!model) throw new Error("the model was not asked for");
  const loaded = await model;
  if (request.kind === "warm up") await loaded.network.run(new Float32Array(loaded.card.preparation.size ** 2));
  else if (request.kind === "open") await open(request.scan, request.file, loaded);
  else await analyze(request);
}

async function open(number: number, file: File, model: Model): Promise<void> {
  const bytes = await file.arrayBuffer().catch(() => {
    throw new UnreadableScan("The browser cannot read it. Give a file, not a folder, and give it again if it was moved.");
  });
  const scan = await openScan(file.name, new Uint8Array(bytes));
  const shown = show(scan, model);
  reply({ kind: "opened", scan: number, shown }, [shown.gray.buffer]);
  analysis = { scan: number, run: null };
  if (shown.verdict !== "refused") analysis = { scan: number, run: new Analysis(scan, model.network, model.card, model.typeCheck) };
}

async function analyze(request: Extract<Request, { kind: "slice" | "scan" }>): Promise<void> {
  const { scan } = request;
  const wanted = (): boolean => scan === newest && analysis?.scan === scan;
  if (!wanted()) return reply({ kind: "stopped", scan });
  const run = analysis?.run;
  if (!run) throw new UnreadableScan("The scan cannot be prepared for the network. Use the full program.");
  if (request.kind === "slice") return reply({ kind: "slice", scan, index: request.index, finding: await run.slice(request.index) });
  stopping = null;
  const finding = await run.whole(async (done, of) => {
    reply({ kind: "progress", scan, done, of });
    await heardMessages();
    return wanted() && stopping !== scan;
  });
  reply(finding ? { kind: "scan", scan, finding } : { kind: "stopped", scan });
}

/** Lets messages in that came while the network ran. */
function heardMessages(): Promise<void> {
  return new Promise((go) => setTimeout(go));
}

function failed(request: Exclude<Request, { kind: "stop" }>, error: unknown): void {
  if (!(error instanceof UnreadableScan)) console.error(error);
  if (request.kind === "load") return reply({ kind: "failed", asked: "load", reason: `${error instanceof Error ? error.message : String(error)}. Reload the page to try again.` });
  const reason = reasonOf(error);
  if (request.kind === "warm up") return reply({ kind: "failed", asked: "warm up", reason });
  // The scan before is still open, unless a further file came.
  if (request.kind === "open" && request.scan === newest) newest = analysis?.scan ?? 0;
  reply({ kind: "failed", asked: request.kind, scan: request.scan, reason });
}

async function loadModel(assets: string): Promise<Model> {
  const load = async (name: string): Promise<unknown> => {
    const response = await fetch(`${assets}${name}`);
    if (!response.ok) throw new Error(`the file server responded ${response.status} for ${name}`);
    return response.json();
  };
  const [card, typeCheck, inputCheck] = await Promise.all(["card.json", "type_check.json", "input_check.json"].map(load));
  const network = await Network.load(assets, (card as Card).preparation.size);
  return { network, card: card as Card, typeCheck: typeCheck as TypeCheck, inputCheck: inputCheck as InputCheck };
}

function describe({ network, card }: Model): Loaded {
  const { presence, type_confidence: typeConfidence } = card.operating_point;
  return { threads: network.threads, name: card.name, version: card.version, operatingPoint: presence, typeConfidence };
}

function show(scan: Scan, { inputCheck, card }: Model): Shown {
  const { volume, name, kind, plane, edges, spacingMm, notes } = scan;
  const [slices, rows, columns] = volume.shape;
  const aspect = pixelAspect(scan);
  return { name, kind, plane, edges, slices, rows, columns, spacingMm, aspect, notes, ...verdictOn(scan, inputCheck, card.preparation.slice_distance_mm), gray: grayLevels(volume) };
}

/** Black and white at the darkest and brightest half percent. */
function grayLevels(volume: Volume): Uint8Array {
  const levels = sorted(strided(volume, Math.max(1, volume.shape[0] >> 5), 2).data);
  const [low, high] = [percentile(levels, 0.5), percentile(levels, 99.5)];
  const gain = 255 / (high > low ? high - low : 1);
  const gray = new Uint8Array(volume.data.length);
  for (let index = 0; index < gray.length; index++) gray[index] = Math.min(Math.max((volume.data[index] - low) * gain, 0), 255);
  return gray;
}

function reply(response: Response, transfer: Transferable[] = []): void {
  (self as unknown as DedicatedWorkerGlobalScope).postMessage(response, transfer);
}

function reasonOf(error: unknown): string {
  if (error instanceof UnreadableScan) return error.message;
  if (error instanceof RangeError) return "The scan does not fit into the browser's memory. Use the full program.";
  return `Something went wrong in the page itself (${error instanceof Error ? error.message : String(error)}).`;
}
