"""The values that every part speaks of: scans, geometry, errors, files that appear whole."""
