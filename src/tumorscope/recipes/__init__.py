"""What an experiment may state, checked with pydantic; the YAML files come from the repository's root."""
