"""The layout that docs/architecture.md describes."""

from collections import defaultdict
from pathlib import Path

import tumorscope

PACKAGE = Path(tumorscope.__file__).parent
NAMED_AS_WHAT_THEY_SERVE = ("cli/", "service/web/routes/")


def test_no_two_modules_share_a_name():
    modules = defaultdict(list)
    for path in PACKAGE.rglob("*.py"):
        module = path.relative_to(PACKAGE).as_posix()
        if path.stem not in ("__init__", "__main__") and not module.startswith(NAMED_AS_WHAT_THEY_SERVE):
            modules[path.stem].append(module)
    assert {name: paths for name, paths in modules.items() if len(paths) > 1} == {}


def test_every_package_is_described():
    described = (PACKAGE.parents[1] / "docs/architecture.md").read_text()
    packages = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert {name for name in packages if f"| `{name}/` |" not in described} == set()
