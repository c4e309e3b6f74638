"""The service: studies come in over HTTP, are analysed one by one, and are kept for a while.

``catalogue`` says where every study stands, ``folders`` holds its files, ``queue`` tells workers
that there is something to do, and ``work`` does it. The web process only talks to these.
"""
