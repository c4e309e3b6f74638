"""The service over HTTP: the interface for programs, and the files of the viewer's page."""

from tumorscope.service.web.app import create_app

__all__ = ["create_app"]
