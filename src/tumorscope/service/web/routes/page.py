"""The viewer's page and its assets, and the interactive documentation of the HTTP interface."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from tumorscope.core.notice import NOTICE
from tumorscope.service.web.security.headers import PAGE_POLICY

STATIC = Path(__file__).parents[1] / "static"

router = APIRouter(include_in_schema=False)

# URLs in a page are relative to the page, since a proxy may serve it below a path.
_HEADERS = {"content-security-policy": PAGE_POLICY, "cache-control": "no-cache"}
_NOT_BUILT = f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Tumorscope</title>
<h1>Tumorscope</h1>
<p>The page is not built in this installation; the HTTP interface is described at
<a href="openapi.json">openapi.json</a>.</p>
<p>{NOTICE}</p>
</html>
"""
_DOCS = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Tumorscope: HTTP interface</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="favicon.ico"><link rel="stylesheet" href="assets/swagger/swagger-ui.css"></head>
<body><p>{NOTICE}</p><div id="swagger-ui"></div>
<script src="assets/swagger/swagger-ui-bundle.js"></script><script src="docs/start.js"></script></body>
</html>
"""
_DOCS_START = """SwaggerUIBundle({
  url: "openapi.json", dom_id: "#swagger-ui", deepLinking: true, validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis], layout: "BaseLayout",
});
"""


@router.get("/")
async def page() -> Response:
    index = STATIC / "index.html"
    return FileResponse(index, headers=_HEADERS) if index.is_file() else HTMLResponse(_NOT_BUILT, headers=_HEADERS)


@router.get("/docs")
async def docs() -> Response:
    built = (STATIC / "assets" / "swagger" / "swagger-ui-bundle.js").is_file()
    return HTMLResponse(_DOCS if built else _NOT_BUILT, headers=_HEADERS)


@router.get("/docs/start.js")
async def docs_start() -> Response:
    return Response(_DOCS_START, media_type="text/javascript", headers=_HEADERS)


@router.get("/favicon.ico")
async def icon() -> Response:
    icon_file = STATIC / "favicon.ico"
    return FileResponse(icon_file, headers=_HEADERS) if icon_file.is_file() else Response(status_code=204)


class Assets(StaticFiles):
    """The viewer's assets, with the page's policy, which also applies to web workers."""

    def __init__(self) -> None:
        super().__init__(directory=STATIC / "assets", check_dir=False)

    async def check_config(self) -> None:
        """Skip the check of the folder, which does not exist in a source checkout before the viewer is built."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        try:
            response = await super().get_response(path, scope)
        except HTTPException as error:
            if error.status_code == 404:
                raise HTTPException(404, "no such file") from error
            raise
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        return response
