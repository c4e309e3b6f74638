"""Uploads, from the first byte to studies on disk and in the catalog."""
