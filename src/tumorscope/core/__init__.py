"""The values shared by all packages: scans, segmentations, geometry, errors; atomic files."""
