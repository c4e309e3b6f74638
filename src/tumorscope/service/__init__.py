"""The service: receives studies over HTTP, analyzes them one at a time, and stores the results for a while.

``catalog`` records the state of every study, ``folders`` stores its files, ``queue`` notifies workers, and
``study_job`` processes a study. The web process only uses the first three.
"""
