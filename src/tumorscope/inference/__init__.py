"""From a scan to findings: bundles, engines, the pipeline, activation maps."""
