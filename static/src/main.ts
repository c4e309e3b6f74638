const assets = new URL("assets/", document.baseURI).href;
const w = new Worker(URL.createObjectURL(new Blob([`import "${assets}worker.js";`], { type: "text/javascript" })), { type: "module" });
const t = performance.now();
w.onmessage = (e) => { console.log(e.data.kind, Math.round(performance.now() - t), JSON.stringify(e.data, (k, v) => (v && v.buffer ? undefined : v)).slice(0, 300)); };
w.onerror = (e) => console.error("worker", e.message);
w.postMessage({ kind: "load", assets });
(window as any).w = w;
void fetch(`${assets}example.nii.gz`).then((r) => r.blob()).then((b) => { w.postMessage({ kind: "open", file: new File([b], "example.nii.gz") }); w.postMessage({ kind: "slice", index: 12, otherSequence: false }); w.postMessage({ kind: "scan", otherSequence: false }); });
