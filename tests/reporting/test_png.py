"""PNG files are read back by another program."""

import io

import numpy as np
import pytest
from PIL import Image

from tumorscope.reporting.png import encode_png


@pytest.mark.parametrize("shape", [(1, 1), (7, 5), (64, 33, 3), (1, 300, 3)])
def test_pillow_reads_back_every_pixel(shape):
    pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    image = Image.open(io.BytesIO(encode_png(Image.fromarray(pixels))))
    assert (image.format, image.mode, image.size) == ("PNG", "RGB" if len(shape) == 3 else "L", (shape[1], shape[0]))
    np.testing.assert_array_equal(np.asarray(image), pixels)
