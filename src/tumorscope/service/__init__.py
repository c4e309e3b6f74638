"""The service: studies come in over HTTP, are analyzed one by one, and are kept for a while.

``catalog`` says where every study stands, ``folders`` holds its files, ``queue`` tells workers
that there is something to do, and ``work`` does it. The web process only talks to these.
"""
