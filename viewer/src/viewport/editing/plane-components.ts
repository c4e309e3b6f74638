/** Connected parts of a plane of pixels. */

/** Labels from 1 for parts whose pixels touch by an edge or a corner; 0 outside. */
export function labelParts(pixels: Uint8Array, width: number, height: number): { labels: Int32Array; count: number } {
  const labels = new Int32Array(pixels.length);
  let count = 0;
  for (let seed = 0; seed < pixels.length; seed += 1) {
    if (!pixels[seed] || labels[seed]) continue;
    count += 1;
    labels[seed] = count;
    const waiting = [seed];
    for (let place = waiting.pop(); place !== undefined; place = waiting.pop()) {
      const [u, v] = [place % width, Math.floor(place / width)];
      for (let y = Math.max(v - 1, 0); y <= Math.min(v + 1, height - 1); y += 1) {
        for (let x = Math.max(u - 1, 0); x <= Math.min(u + 1, width - 1); x += 1) {
          const neighbor = y * width + x;
          if (labels[neighbor] || !pixels[neighbor]) continue;
          labels[neighbor] = count;
          waiting.push(neighbor);
        }
      }
    }
  }
  return { labels, count };
}

/**
 * The empty pixels that a closed contour encloses around a pixel; null where a way leads from it to the plane's edge,
 * empty where the pixel is not empty.
 *
 * Ways lead over edges only, since a contour's pixels may touch by their corners.
 */
export function enclosed(pixels: Uint8Array, width: number, height: number, [u, v]: readonly [number, number]): Uint32Array | null {
  const seed = v * width + u;
  if (pixels[seed]) return new Uint32Array();
  const seen = new Uint8Array(pixels.length);
  const found = [seed];
  seen[seed] = 1;
  for (let next = 0; next < found.length; next += 1) {
    const place = found[next] as number;
    const x = place % width;
    if (x === 0 || x === width - 1 || place < width || place >= width * (height - 1)) return null;
    for (const neighbor of [place - 1, place + 1, place - width, place + width]) {
      if (seen[neighbor] || pixels[neighbor]) continue;
      seen[neighbor] = 1;
      found.push(neighbor);
    }
  }
  return Uint32Array.from(found);
}
