"""Headers of model files: a whole one is read, and what is wrong with another is said before llama.cpp sees it."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from struct import pack

import gguf
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman import ConfigError
from dragoman.transport.gguf import TYPE_SIZES, read_header
from tests.llamacpp.model import write_model


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A model file."""
    path = tmp_path_factory.mktemp("gguf") / "tiny.gguf"
    write_model(path)
    return path.read_bytes()


def text(value: str) -> bytes:
    return pack("<Q", len(value.encode())) + value.encode()


def pair(name: str, kind: int, value: bytes) -> bytes:
    return text(name) + pack("<I", kind) + value


NAMED = pair("general.architecture", 8, text("llama"))


def header(*pairs: bytes, tensors: int = 0, version: int = 3) -> bytes:
    return b"GGUF" + pack("<IQQ", version, tensors, len(pairs)) + b"".join(pairs)


def refused(path: Path, data: bytes) -> str:
    path.write_bytes(data)
    with pytest.raises(ConfigError) as caught:
        read_header(path)
    assert "model" == caught.value.field
    assert str(path) in caught.value.message
    return caught.value.message


def test_a_whole_file_says_what_it_is(whole: bytes, tmp_path: Path) -> None:
    """Architecture and context length are read from among all other values."""
    (tmp_path / "a.gguf").write_bytes(whole)

    found = read_header(tmp_path / "a.gguf")

    assert ("llama", 512) == (found.architecture, found.context)


def test_every_kind_of_value_is_passed_over(tmp_path: Path) -> None:
    """Numbers of every width, texts, and arrays of both, stand before the value that is looked for."""
    writer = gguf.GGUFWriter(tmp_path / "a.gguf", "llama")
    for name in ("uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"):
        getattr(writer, f"add_{name}")(f"a.{name}", 7)
    writer.add_float32("a.f32", 0.5)
    writer.add_float64("a.f64", 0.5)
    writer.add_bool("a.bool", True)
    writer.add_array("a.texts", ["", "ein", "世界"])
    writer.add_array("a.numbers", [1, 2, 3])
    writer.add_context_length(77)
    writer.add_tensor("a", np.zeros((3, 5), np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()

    assert 77 == read_header(tmp_path / "a.gguf").context


def test_the_sizes_of_tensor_types_are_the_ones_of_the_reference(whole: bytes) -> None:
    """Block length and bytes of each type, as the `gguf` package has them."""
    reference = {int(kind): sizes for kind, sizes in gguf.constants.GGML_QUANT_SIZES.items()}

    assert TYPE_SIZES == {kind: reference[kind] for kind in TYPE_SIZES}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        pytest.param(b"", "its header does not end", id="empty"),
        pytest.param(b"PK\3\4 a zip", "is no GGUF file", id="other format"),
        pytest.param(header(version=1), "GGUF version 1", id="old version"),
        pytest.param(header(), "does not name its architecture", id="nothing in it"),
        pytest.param(header(pair("general.architecture", 4, pack("<I", 1))), "architecture", id="architecture no text"),
        pytest.param(header(pair("a", 99, b"")), "value type 99", id="unknown value"),
        pytest.param(header(pair("a", 9, pack("<IQ", 9, 1))), "array of type 9", id="nested array"),
        pytest.param(header(pair("a", 9, pack("<IQ", 8, 2**60))), "does not end", id="endless array of texts"),
        pytest.param(header(pair("a", 9, pack("<IQ", 10, 2**60))), "does not end", id="endless array of numbers"),
        pytest.param(header(pair("a", 8, pack("<Q", 2**63))), "does not end", id="endless text"),
        pytest.param(b"GGUF" + pack("<IQQ", 3, 0, 2**63), "does not end", id="endless values"),
        pytest.param(header(NAMED, tensors=2**63), "does not end", id="endless tensors"),
        pytest.param(header(NAMED, pair("general.alignment", 4, pack("<I", 0))), "alignment", id="alignment"),
        pytest.param(header(NAMED, pair("llama.block_count", 4, pack("<I", 0))), "0 layers", id="no layers"),
        pytest.param(header(NAMED, pair("llama.block_count", 4, pack("<I", 9999))), "9999 layers", id="layers"),
        pytest.param(
            header(NAMED, tensors=1) + text("a") + pack("<IQIQ", 1, 33, 2, 0), "damaged shape", id="half a block"
        ),
        pytest.param(header(NAMED, tensors=1) + text("a") + pack("<IQIQ", 1, 32, 0, 0), "is cut off", id="no data"),
    ],
)
def test_what_is_wrong_is_said(data: bytes, words: str, tmp_path: Path) -> None:
    """A file that is none, is damaged, or does not hold what it says, is refused in words, naming the file."""
    assert words in refused(tmp_path / "a.gguf", data)


@pytest.mark.parametrize("part", [0.001, 0.02, 0.5, 0.999])
def test_a_cut_file_is_refused(whole: bytes, part: float, tmp_path: Path) -> None:
    """A download that ended early is seen wherever it ended, and both sizes are said where they are known."""
    message = refused(tmp_path / "a.gguf", whole[: int(len(whole) * part)])

    assert "cut off" in message
    assert part < 0.5 or re.search(rf"has {int(len(whole) * part):,} bytes of {len(whole):,}", message)


@given(changes=st.lists(st.tuples(st.integers(0, 8191), st.integers(0, 255)), min_size=1, max_size=8))
def test_damage_is_an_error_of_ours_or_nothing(whole: bytes, tmp_path_factory: pytest.TempPathFactory, changes) -> None:
    """Whatever bytes of a header are changed, it is read or refused; nothing else is raised."""
    data = bytearray(whole)
    for place, value in changes:
        data[place] = value
    path = tmp_path_factory.getbasetemp() / "damaged.gguf"
    path.write_bytes(data)
    with suppress(ConfigError):
        assert read_header(path).architecture
