"""Who may ask, from where, and what the answers allow a browser to do."""
