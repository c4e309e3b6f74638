"""Analyzing more cases than one process should: Ray Data deals them out, Parquet keeps what came of each."""
