import os
from pathlib import Path

import pytest
from serving import running_service

from tumorscope.datasets.phantom import make_phantom, plausible_lesion, write_nifti


@pytest.fixture(scope="session", autouse=True)
def _own_settings():
    """Remove settings of this machine's environment."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("TUMORSCOPE_")]:
            patch.delenv(name)
        yield


@pytest.fixture(scope="session")
def phantom_folder(tmp_path_factory) -> Path:
    """A folder ``head`` with t1, flair and t1c of a head with a tumor, nine small slices."""
    folder = tmp_path_factory.mktemp("phantom") / "head"
    write_nifti(make_phantom([plausible_lesion(0)], seed=0, shape=(9, 96, 96)), folder)["mask"].unlink()
    return folder


@pytest.fixture(scope="session")
def live(tmp_path_factory):
    """A service with a worker, without a token, for all tests."""
    with running_service(tmp_path_factory.mktemp("service")) as service:
        yield service
