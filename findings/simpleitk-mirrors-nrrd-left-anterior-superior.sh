#!/usr/bin/env bash
# Software: SimpleITK 2.4.0 to 2.5.5, ReadImage of NRRD in the space left-anterior-superior (LAS).
# Behavior: positions and directions of an LAS file come back turned by 180° about the long axis: the first voxel at
#   10 mm left and 20 mm anterior is read at 10 mm right and 20 mm posterior. The same head in
#   left-posterior-superior or right-anterior-superior is read rightly. SimpleITK 2.5.6 and 2.5.7 read all three rightly.
# Why it surprises: no error and no warning; a tumor changes sides, and scan and mask fit each other as long as the same
#   version reads both.
# Tumorscope: requires SimpleITK 2.5.6 for NRRD (docs/formats.md); a test reads each space.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat > read.py <<'PYTHON'
import SimpleITK as sitk

SPACES = {  # the same point, written in the coordinates of each space
    "left-posterior-superior": (10, -20, 30),
    "right-anterior-superior": (-10, 20, 30),
    "left-anterior-superior": (10, 20, 30),
}
seen = []
for space, origin in SPACES.items():
    header = (
        "NRRD0004\ntype: unsigned char\ndimension: 3\nsizes: 4 4 4\nencoding: raw\n"
        f"space: {space}\nspace directions: (1,0,0) (0,1,0) (0,0,2)\nspace origin: ({','.join(map(str, origin))})\n\n"
    )
    with open("a.nrrd", "wb") as file:
        file.write(header.encode() + bytes(64))
    seen.append(sitk.ReadImage("a.nrrd").GetOrigin())
print(sitk.Version_VersionString(), *seen)
PYTHON
for version in 2.5.5 2.5.6; do
  python3 -m venv "venv-$version"
  "venv-$version/bin/python" -m pip install --quiet numpy==2.4.6 "SimpleITK==$version"
  "venv-$version/bin/python" read.py >> seen
done
echo "Input:    one point, 10 mm left, 20 mm anterior and 30 mm up, as the origin of NRRD in LPS, RAS and LAS"
echo "Expected: (10.0, -20.0, 30.0) three times, the point in LPS"
sed 's/^/Seen:     SimpleITK /' seen
right="(10.0, -20.0, 30.0)"
wrong="(-10.0, 20.0, 30.0)"
printf '2.5.5 %s %s %s\n2.5.6 %s %s %s\n' "$right" "$right" "$wrong" "$right" "$right" "$right" | diff - seen \
  || { echo "Changed: SimpleITK behaves otherwise now." >&2; exit 1; }
