"""Recipes of experiments, checked with pydantic; the YAML files are in ``recipes/`` of the repository."""
