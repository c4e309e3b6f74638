"""Findings as files: every file that an analysis writes is one entry in :mod:`tumorscope.reporting.outputs`."""
