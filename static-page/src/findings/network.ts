/** The network, run by ONNX Runtime's WebAssembly build. */

import * as ort from "onnxruntime-web/wasm";

const MOST_THREADS = 4;

/** Outputs for one slice. */
export interface Prediction {
  /** The logit of a tumor. */
  readonly presence: number;
  /** Logits of the types. */
  readonly types: Float32Array;
  /** Probabilities at the network's size. */
  readonly mask: Float32Array;
  /** Coarse contributions to each type's logit, one square after the other. */
  readonly typeMaps: Float32Array;
  readonly typeFeatures: Float32Array;
}

export class Network {
  private constructor(
    private readonly session: ort.InferenceSession,
    private readonly size: number,
    readonly threads: number,
  ) {}

  /**
   * @param base address of the folder with the runtime's files and the model, ending in a slash
   * @param size side of the square that the network sees
   */
  static async load(base: string, size: number): Promise<Network> {
    // Shared memory, and so threads, exist only where the page is isolated from other origins.
    const threads = self.crossOriginIsolated ? Math.min(MOST_THREADS, navigator.hardwareConcurrency || 1) : 1;
    ort.env.wasm.numThreads = threads;
    ort.env.wasm.wasmPaths = {
      mjs: `${base}ort-wasm-simd-threaded.mjs`,
      wasm: `${base}ort-wasm-simd-threaded.wasm`,
    };
    const session = await ort.InferenceSession.create(`${base}model.onnx`, { executionProviders: ["wasm"] });
    return new Network(session, size, threads);
  }

  /** @param image one prepared slice */
  async run(image: Float32Array): Promise<Prediction> {
    const input = new ort.Tensor("float32", image, [1, 1, this.size, this.size]);
    const outputs = await this.session.run({ [this.session.inputNames[0]]: input });
    const values = (name: string): Float32Array => outputs[name].data as Float32Array;
    return {
      presence: values("presence")[0],
      types: values("type").slice(),
      mask: values("mask").map((logit) => 1 / (1 + Math.exp(-Math.min(Math.max(logit, -40), 40)))),
      typeMaps: values("type_map").slice(),
      typeFeatures: values("type_features").slice(),
    };
  }
}

/** Predictions for a slice between two that were analyzed. */
export function mixed(one: Prediction, other: Prediction, share: number): Prediction {
  if (share === 0) return one;
  const mix = (a: Float32Array, b: Float32Array): Float32Array => a.map((value, index) => value * (1 - share) + b[index] * share);
  return {
    presence: one.presence * (1 - share) + other.presence * share,
    types: mix(one.types, other.types),
    mask: mix(one.mask, other.mask),
    typeMaps: mix(one.typeMaps, other.typeMaps),
    typeFeatures: mix(one.typeFeatures, other.typeFeatures),
  };
}
