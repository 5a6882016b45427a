"""Python objects that hold a picture -> bytes of a picture file: bytes, open files, PIL pictures of any mode, NumPy arrays, torch tensors."""

import io
from typing import TYPE_CHECKING, Any

from huafang.errors import BadInput

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image

ALLOWED = "allowed are a path, bytes, an open binary file, a PIL picture, a NumPy array or a torch tensor"
AS_PNG = ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")
"""Modes of PIL that PNG holds as they are."""


def file_bytes(source: object, field: str = "picture") -> bytes:
    """The picture (or film) in `source` as the bytes of a file. Raises BadInput for anything else; `field` is its name in the message.

    Arrays are (H, W), (H, W, C) or (C, H, W), tensors (C, H, W) or (1, C, H, W), C = 1, 3 or 4: uint8, uint16, bool, or floats in [0, 1].
    """
    if isinstance(source, bytes | bytearray | memoryview):
        return bytes(source)
    if hasattr(source, "save") and hasattr(source, "mode"):
        return _from_pil(source)  # type: ignore[arg-type]  # duck typing: PIL is not imported for it
    if hasattr(source, "read"):
        data = source.read()
        if not isinstance(data, bytes):
            raise BadInput(f"{field}: the file is open for text; open it with mode 'rb'", code="image.object")
        return data
    if hasattr(source, "__array__") or hasattr(source, "detach"):
        return _from_pil(_from_array(source, field))
    raise BadInput(f"{field}: {type(source).__name__} is no picture; {ALLOWED}", code="image.object")


def _from_pil(picture: "Image") -> bytes:
    """PNG. Modes that it does not hold are converted: CMYK, YCbCr, LAB and HSV to RGB, premultiplied alpha to straight, floats by their range."""
    if picture.mode in ("F", "I"):
        picture = _from_array(_numbers(picture), "picture") if picture.mode == "F" else picture.convert("I;16")
    elif picture.mode not in AS_PNG:
        picture = picture.convert({"La": "LA", "RGBa": "RGBA"}.get(picture.mode, "RGB"))
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def _numbers(picture: "Image") -> "np.ndarray[Any, np.dtype[Any]]":
    """Mode F has no range of its own: values above 1 are taken for 8 bits."""
    import numpy as np

    values = np.asarray(picture, np.float32)
    return values / 255 if values.size and float(values.max()) > 1 else values


def _from_array(source: Any, field: str) -> "Image":
    import numpy as np
    from PIL import Image

    is_tensor = hasattr(source, "detach")
    array = (
        source.detach().cpu().float().numpy() if is_tensor and source.dtype.is_floating_point else np.asarray(source.detach().cpu() if is_tensor else source)
    )
    shape = " × ".join(map(str, array.shape))
    if array.ndim == 4 and array.shape[0] == 1:
        array = array[0]
    if array.ndim == 3 and array.shape[0] in (1, 3, 4) and (is_tensor or array.shape[2] not in (1, 3, 4)):
        array = array.transpose(1, 2, 0)
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (1, 3, 4)) or not array.size:
        raise BadInput(f"{field}: an array of {shape} is no picture; allowed are height × width, with 1, 3 or 4 channels first or last", code="image.object")
    if array.dtype.kind == "f":
        if not np.isfinite(array).all():
            raise BadInput(f"{field}: the array holds NaN or infinity", code="image.not_finite")
        low, high = float(array.min()), float(array.max())
        if low < -1e-3 or high > 1 + 1e-3:
            raise BadInput(f"{field}: floats must be in [0, 1]; these run from {low:.4g} to {high:.4g}. Divide by 255, or give uint8", code="image.object")
        array = (array.clip(0, 1) * 255 + 0.5).astype(np.uint8)
    elif array.dtype == np.bool_:
        array = array.astype(np.uint8) * 255
    elif array.dtype == np.uint16:
        array = (array >> 8).astype(np.uint8)
    elif array.dtype != np.uint8:
        raise BadInput(f"{field}: numbers of type {array.dtype} have no range; allowed are uint8, uint16, bool, and floats in [0, 1]", code="image.object")
    return Image.fromarray(np.ascontiguousarray(array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else array))
