"""The web process: the HTTP interface and the viewer's page."""

from tumorscope.service.web.app import create_app

__all__ = ["create_app"]
