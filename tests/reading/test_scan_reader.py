from __future__ import annotations

import subprocess
import sys


def test_importing_the_readers_loads_no_format_library_and_no_pytorch():
    heavy = ("nibabel", "pydicom", "h5py", "tifffile", "PIL", "scipy", "torch", "imagecodecs")
    code = f"import sys, tumorscope.io; print(*[m for m in {heavy} if m in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == ""
