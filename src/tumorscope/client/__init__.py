"""The service from Python: send scans, wait for what is found, fetch it.

    from tumorscope.client import Client

    with Client("http://127.0.0.1:8000", token="...") as client:
        sent = client.submit(["scan.nii.gz", "dicom-folder", "study.zip"])
        for study in sent.studies:
            study = client.wait(study, lambda now: print(now.stage, now.done, now.total))
            print(study.name, study.summary and study.summary.tumor_probability, study.failure)
            client.download(study, "report.pdf", "out")

Errors are :class:`tumorscope.core.errors.TumorscopeError` with one clear line: :class:`Unavailable` where
another try may help, :class:`Refused` where the service said no.
"""

from tumorscope.client.client import Client
from tumorscope.client.connection import Refused, Unavailable
from tumorscope.client.models import About, File, Image, LeftOut, Revision, Study, Submitted, Summary

__all__ = [
    "About",
    "Client",
    "File",
    "Image",
    "LeftOut",
    "Refused",
    "Revision",
    "Study",
    "Submitted",
    "Summary",
    "Unavailable",
]
