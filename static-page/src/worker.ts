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
let analysis: Analysis | null = null;
let last: Promise<void> = Promise.resolve();

self.addEventListener("message", ({ data }: MessageEvent<Request>) => {
  last = last.then(() => answer(data)).catch((error: unknown) => {
    if (!(error instanceof UnreadableScan)) console.error(error);
    reply({ kind: "failed", asked: data.kind, reason: reasonOf(error) });
  });
});

async function answer(request: Request): Promise<void> {
  if (request.kind === "load") {
    model = loadModel(request.assets);
    reply({ kind: "loaded", loaded: describe(await model) });
    return;
  }
  if (!model) throw new Error("the model was not asked for");
  const loaded = await model;
  const { network, card, typeCheck } = loaded;
  if (request.kind === "warm up") {
    await network.run(new Float32Array(card.preparation.size ** 2));
    return;
  }
  if (request.kind === "open") {
    const scan = await openScan(request.file.name, new Uint8Array(await request.file.arrayBuffer()));
    analysis = null;
    const shown = show(scan, loaded);
    reply({ kind: "opened", shown }, [shown.gray.buffer]);
    if (shown.verdict !== "refused") analysis = new Analysis(scan, network, card, typeCheck);
    return;
  }
  if (!analysis) throw new UnreadableScan("The scan cannot be prepared for the network. Use the full program.");
  if (request.kind === "slice") {
    reply({ kind: "slice", index: request.index, finding: await analysis.slice(request.index, request.otherSequence) });
  } else {
    const finding = await analysis.whole(request.otherSequence, (done, of) => reply({ kind: "progress", done, of }));
    reply({ kind: "scan", finding });
  }
}

async function loadModel(assets: string): Promise<Model> {
  const load = async (name: string): Promise<unknown> => (await fetch(`${assets}${name}`)).json();
  const [card, typeCheck, inputCheck] = await Promise.all(["card.json", "type_check.json", "input_check.json"].map(load));
  const network = await Network.load(assets, (card as Card).preparation.size);
  return { network, card: card as Card, typeCheck: typeCheck as TypeCheck, inputCheck: inputCheck as InputCheck };
}

function describe({ network, card }: Model): Loaded {
  const { presence, type_confidence: typeConfidence } = card.operating_point;
  return { threads: network.threads, name: card.name, version: card.version, operatingPoint: presence, typeConfidence };
}

function show(scan: Scan, { inputCheck, card }: Model): Shown {
  const { volume, name, kind, plane, spacingMm, notes } = scan;
  const [slices, rows, columns] = volume.shape;
  const aspect = pixelAspect(scan);
  return { name, kind, plane, slices, rows, columns, spacingMm, aspect, notes, ...verdictOn(scan, inputCheck, card.preparation.slice_distance_mm), gray: grayLevels(volume) };
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
