"""What a file is that is given in place of weights, by its first bytes, and what to do with it. No torch."""

import re

KINDS: tuple[tuple[bytes, str], ...] = (
    (b"version https://git-lfs", "a Git LFS pointer, which stands in for the file itself"),
    (b"PK\x03\x04", "a zip archive, as PyTorch's .pt, .pth and .ckpt files are"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"\x80", "a pickle, as older .pt, .pth and .ckpt files are"),
    (b"\x89PNG", "a picture (PNG)"),
    (b"\xff\xd8\xff", "a picture (JPEG)"),
    (b"GIF8", "a picture (GIF)"),
    (b"RIFF", "a picture (WebP) or a sound"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"Rar!", "a RAR archive"),
    (b"%PDF", "a PDF document"),
    (b"GGUF", "a GGUF file, which llama.cpp and its relatives read"),
    (b"\x89HDF", "an HDF5 file, as Keras' .h5 files are"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"BM", "a picture (BMP)"),
    (b"II*\0", "a picture (TIFF)"),
    (b"MM\0*", "a picture (TIFF)"),
    (b"\x1aE\xdf\xa3", "a film (Matroska or WebM)"),
    (b"OggS", "a sound or a film (Ogg)"),
    (b"ID3", "a sound (MP3)"),
    (b"fLaC", "a sound (FLAC)"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
    (b"MZ", "a program for Windows"),
    (b"\x7fELF", "a program for Linux"),
)
"""How files begin that are given or downloaded in place of weights, and what they are."""
_BRANDS = {b"avif": "a picture (AVIF)", b"avis": "a picture (AVIF)", b"heic": "a picture (HEIC)", b"heix": "a picture (HEIC)", b"mif1": "a picture (HEIF)"}
"""Bytes 8 to 12 of files of the MP4 family that are pictures; others are films."""
_ONNX = re.compile(rb"\x08[\x01-\x20][\x12\x1a\x22\x3a\x42]")
"""An ONNX model begins with its IR version, a protobuf field 1, and then the producer's name, the graph or the operator set."""
SHORTEST = 8
"""Bytes that every file of weights has: that of safetensors begins with a number of so many."""


def what_is(head: bytes) -> str | None:
    """What a file is, by its first bytes; None where that is not known."""
    if not head.strip(b"\0"):
        return "empty" if not head else "full of zeros: its download was cut off, or its disk is damaged"
    if len(head) < SHORTEST:
        return "too short to hold weights: its download was cut off"
    for mark, kind in KINDS:
        if head.startswith(mark):
            return kind
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12], "a film (MP4 or QuickTime)")
    if head[257:262] == b"ustar":
        return "a tar archive"
    if _ONNX.match(head):
        return "an ONNX file"
    text = _text(head)
    if text is None:
        return None
    if re.match(r"\s*(<!--.*?-->\s*)?<svg\b", text, re.IGNORECASE | re.DOTALL):
        return "a picture (SVG)"
    if re.match(r"\s*(<!--.*?-->\s*)?<(!doctype html|html|head|body|script|meta|title|\?xml)", text, re.IGNORECASE | re.DOTALL):
        return "a web page, and no file: what was downloaded may be a page that asks to sign in, or an error"
    if text.lstrip()[:1] in ("{", "["):
        return "a JSON text"
    return "a text" if text.isprintable() or not re.search(r"[\x00-\x08\x0e-\x1f]", text) else None


def _text(head: bytes) -> str | None:
    """The beginning of a file as text, in UTF-8, or in UTF-16 where a byte order mark says so; None where it is neither."""
    wide = head.startswith((b"\xff\xfe", b"\xfe\xff"))
    cut = head[: len(head) - len(head) % 2] if wide else head[:-4] if len(head) > 64 else head  # the last character may be cut
    try:
        return cut.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError:
        return None


def advice(kind: str, name: str) -> str:
    """What to do with the file `name`, which is of the sort `kind` that `what_is` told, and no weights that can be used as they are."""
    ways = (
        (("a Git LFS",), "fetch the file itself: git lfs pull, or its download link on the page"),
        (
            ("a web page", "a text", "a JSON"),
            "open its address in a browser and save the file that it gives; a link must be one to the file itself (raw, resolve)",
        ),
        (("a zip archive", "a pickle"), f"convert it once, in a process of its own: huafang models convert {name}"),
        (("empty", "full of zeros", "too short", "an empty zip"), "its download failed: get it again"),
        (("a gzip", "a bzip2", "an xz", "a 7z", "a RAR", "a tar", "a Zstandard"), "unpack it first: the weights lie in it"),
        (("an ONNX",), f"of ONNX only AnimeGANv3 is read: give it the ending .onnx, then: huafang models convert {name.rpartition('.')[0]}.onnx"),
    )
    fitting = (said for begins, said in ways if kind.startswith(begins))
    return next(fitting, "this is not a file of weights that can be read; look for a .safetensors or .pth of the same model")
