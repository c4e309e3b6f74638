"""Who may ask, from where, and what the responses allow a browser to do."""
