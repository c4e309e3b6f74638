"""A Python client of the service: send scans, wait for their analysis, download the results.

    from tumorscope.client import Client

    with Client("http://127.0.0.1:8000", token="...") as client:
        sent = client.submit(["scan.nii.gz", "dicom-folder", "study.zip"])
        for study in sent.studies:
            study = client.wait(study, lambda now: print(now.stage, now.done, now.total))
            print(study.name, study.summary and study.summary.tumor_probability, study.failure)
            client.download(study, "report.pdf", "out")

Errors are :class:`tumorscope.core.errors.TumorscopeError` with one line of text: :class:`Unavailable` if a
retry may help, :class:`Refused` if the service rejected the request.
"""

from tumorscope.client.client import Client
from tumorscope.client.connection import Refused, Unavailable
from tumorscope.client.responses import About, File, Image, LeftOut, Revision, Study, Submitted, Summary
from tumorscope.io.reading_choices import ReadingChoices

__all__ = [
    "About",
    "Client",
    "File",
    "Image",
    "LeftOut",
    "ReadingChoices",
    "Refused",
    "Revision",
    "Study",
    "Submitted",
    "Summary",
    "Unavailable",
]
