"""
Faults of HTTP: framing, compression, headers, interim answers, redirects, and what is not HTTP at all.

Rule: what HTTP allows is read, what it forbids is a typed error, and nothing of either costs unbounded memory.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Final

from dragoman.testing.faults.actions import Action, Drip, End, Repeat
from dragoman.testing.faults.fault import (
    BROKEN,
    BROKEN_ANY,
    NONSENSE,
    WHOLE,
    Expects,
    Fault,
    Make,
)
from dragoman.testing.faults.ordinary import LAST_CHUNK, Ordinary, chunks
from dragoman.testing.http1 import chunk

_FRAMING: Final = "RFC 9112 sections 6 and 7"
_INTERIM: Final = "RFC 9110 section 15.2; RFC 8297"
_COMPRESSION: Final = "RFC 9110 section 8.4.1; gateways that compress unasked"
_BOMB: Final = "bounded memory: litellm #14540, #12685"
_HEADERS: Final = "RFC 9112 sections 4 and 5; http.client's limits of 100 headers and 64 KiB lines"
_REDIRECT: Final = "a key that follows a redirect: RFC 9110 section 15.4; CVE-2018-18074"
_NOT_HTTP: Final = "a port of another service, a TLS port, a captive portal"

_MIB: Final = 1024 * 1024


def _gzip(data: bytes) -> bytes:
    packer = zlib.compressobj(6, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    return packer.compress(data) + packer.flush()


def _packed(encoding: str, pack: Callable[[bytes], bytes]) -> Make:
    def make(good: Ordinary) -> list[Action]:
        return [*good.sized(pack(b"".join(good.payload())), headers={"content-encoding": encoding})]

    return make


def _members(data: bytes) -> bytes:
    return _gzip(data[:100]) + _gzip(data[100:])


def _damaged(data: bytes) -> bytes:
    packed = bytearray(_gzip(data))
    middle = len(packed) // 2
    packed[middle : middle + 20] = bytes(255 - byte for byte in packed[middle : middle + 20])
    return bytes(packed)


def _gzip_streamed(good: Ordinary) -> list[Action]:
    packer = zlib.compressobj(6, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    pieces = [packer.compress(piece) + packer.flush(zlib.Z_SYNC_FLUSH) for piece in good.payload()]
    return [*good.chunked([*pieces, packer.flush()], {"content-encoding": "gzip"})]


def _bomb(good: Ordinary) -> list[Action]:
    packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    start = packer.compress(b'{"choices": "' if not good.streamed else b"data: ") + packer.flush(zlib.Z_FULL_FLUSH)
    # Each block repeats the one before; after a full flush it means the same wherever it stands.
    block = packer.compress(b"0" * _MIB) + packer.flush(zlib.Z_FULL_FLUSH)
    return [*good.chunked([start, *[block * 16] * 20], {"content-encoding": "gzip"})]


def _length(change: Callable[[int], str]) -> Make:
    def make(good: Ordinary) -> list[Action]:
        body = b"".join(good.payload())
        return [good.head(headers={"content-length": change(len(body))}), body, End.CLOSE]

    return make


def _two_lengths(good: Ordinary) -> list[Action]:
    body = b"".join(good.payload())
    head = good.head(headers={"content-length": str(len(body))})
    return [head.replace(b"\r\n\r\n", b"\r\ncontent-length: 7\r\n\r\n"), body, End.CLOSE]


def _chunk_start(start: bytes) -> Make:
    def make(good: Ordinary) -> list[Action]:
        pieces = good.half() if good.streamed else [good.body()[:40]]
        return [good.opened(), *chunks(pieces), start, b"a" * 64, End.CLOSE]

    return make


def _chunk_extension(good: Ordinary) -> list[Action]:
    written = [chunk(piece).replace(b"\r\n", b' ;name="value"\r\n', 1) for piece in good.payload()]
    return [good.opened(), *written, b"0\r\nx-trailer: 1\r\n\r\n"]


def _instead(*actions: Action) -> Make:
    return lambda good: actions


def _status_line(line: bytes) -> Make:
    def make(good: Ordinary) -> list[Action]:
        head, *body = good.whole()
        return [line + head[head.index(b"\r\n") :], *body]

    return make


def _before(*heads: bytes) -> Make:
    return lambda good: [*heads, *good.whole()]


def _until_close(version: bytes) -> Make:
    def make(good: Ordinary) -> list[Action]:
        head = good.head(headers={"connection": "close"}).replace(b"HTTP/1.1", version, 1)
        return [head, *good.payload(), End.CLOSE]

    return make


def _with_headers(lines: bytes) -> Make:
    def make(good: Ordinary) -> list[Action]:
        head, *body = good.whole()
        return [head[:-2] + lines + b"\r\n", *body]

    return make


def _redirect(status: int, target: Callable[[Ordinary], str]) -> Make:
    return lambda good: good.sized(b"{}", status, {"location": target(good)})


def _here(good: Ordinary) -> str:
    return f"http://{good.request.headers['host']}{good.request.path}"


def _there(good: Ordinary) -> str:
    # A name that leads to the same machine, so that a client that follows is seen by the counters of the server.
    host = good.request.headers["host"].replace("127.0.0.1", "localhost")
    return f"http://{host}{good.request.path}?stolen=1"


def _fault(
    name: str, meaning: str, source: str, make: Make, plain: Expects | None, stream: Expects | None = None
) -> Fault:
    return Fault(name, meaning, source, make, plain, stream or plain)


_MANY: Final = b"".join(b"x-many-%d: %s\r\n" % (number, b"v" * 40) for number in range(60))
_ODD: Final = b"x-latin: caf\xe9\r\nX-Upper:no-space\r\nx-empty:\r\nset-cookie: a=1\r\nset-cookie: b=2\r\n"
_HINTS: Final = b"HTTP/1.1 103 Early Hints\r\nlink: </a.css>; rel=preload\r\n\r\n"
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_REFUSED: Final = Expects(errors=("StatusError",), retryable=False, once=True)
_MOVED: Final = Expects(errors=("StatusError",), once=True)
# The body ends with the connection, and is proved whole by its own form: to read it is as right as to refuse it.
_UNCLEAR: Final = Expects(errors=("WireError", "StreamInterrupted"), or_whole=True, partial="any")
_TOO_LARGE: Final = Expects(errors=("WireError", "TimeoutError"))

# A table is read by rows.
# fmt: off
HTTP: Final = (
    # --- compression --------------------------------------------------------------------------------------------------
    _fault("gzip", "The body is compressed, and right.", _COMPRESSION, _packed("gzip", _gzip), WHOLE),
    _fault("gzip_members", "The body is compressed in two members, and right.", _COMPRESSION, _packed("gzip",
           _members), WHOLE),
    _fault("gzip_streamed", "The body is compressed piece by piece, and right.", _COMPRESSION, _gzip_streamed, WHOLE),
    _fault("deflate", "The body is deflated, and right.", _COMPRESSION, _packed("deflate", zlib.compress), WHOLE),
    _fault("gzip_damaged", "The compressed body is damaged in the middle.", _COMPRESSION, _packed("gzip", _damaged),
           BROKEN, BROKEN_ANY),
    _fault("gzip_cut", "The compressed body ends in the middle.", _COMPRESSION, _packed("gzip", lambda data:
           _gzip(data)[:-150]), BROKEN, BROKEN_ANY),
    _fault("gzip_untrue", "The body is said to be compressed, and is not.", _COMPRESSION, _packed("gzip", bytes),
           BROKEN, BROKEN_ANY),
    _fault("unknown_compression", "The body is compressed in a way that was not asked for.", _COMPRESSION,
           _packed("zz-unknown", bytes), NONSENSE),
    _fault("gzip_bomb", "A few kilobytes inflate to 320 MiB.", _BOMB, _bomb, _TOO_LARGE),
    # --- length and chunks --------------------------------------------------------------------------------------------
    _fault("length_too_long", "More bytes are announced than come.", _FRAMING, _length(lambda size: str(size + 10)),
           BROKEN, WHOLE),
    _fault("length_too_short", "Fewer bytes are announced than come.", _FRAMING, _length(lambda size: str(size // 2)),
           BROKEN, BROKEN_ANY),
    _fault("length_not_a_number", "The announced length is no number.", _FRAMING, _length(lambda size: "abc"),
           _UNCLEAR),
    _fault("length_negative", "The announced length is negative.", _FRAMING, _length(lambda size: "-5"), _UNCLEAR),
    _fault("length_huge", "A terabyte is announced, and the connection closed after the answer.", _FRAMING,
           _length(lambda size: "1099511627776"), BROKEN, WHOLE),
    _fault("two_lengths", "Two different lengths are announced.", _FRAMING, _two_lengths, _UNCLEAR),
    _fault("chunk_size_garbage", "The size of a chunk is no number.", _FRAMING, _chunk_start(b"zz\r\n"), BROKEN,
           BROKEN_ANY),
    _fault("chunk_size_huge", "A chunk is said to be larger than any memory.", _FRAMING, _chunk_start(b"f" * 40 +
           b"\r\n"), BROKEN, BROKEN_ANY),
    _fault("chunk_size_negative", "The size of a chunk is negative.", _FRAMING, _chunk_start(b"-5\r\n"), BROKEN,
           BROKEN_ANY),
    _fault("chunk_without_end", "A chunk is longer than it says.", _FRAMING, _chunk_start(b"3\r\n"), BROKEN,
           BROKEN_ANY),
    _fault("chunk_extensions", "The chunks carry extensions and a trailer, and the answer is right.", _FRAMING,
           _chunk_extension, WHOLE),
    _fault("until_close", "The body has no length and ends with the connection, and is right.", _FRAMING,
           _until_close(b"HTTP/1.1"), WHOLE),
    _fault("http_1_0", "The answer is HTTP/1.0, and is right.", _FRAMING, _until_close(b"HTTP/1.0"), WHOLE),
    # --- not HTTP -----------------------------------------------------------------------------------------------------
    _fault("not_http", "Another protocol answers.", _NOT_HTTP, _instead(b"SSH-2.0-OpenSSH_9.6\r\n", End.CLOSE), BROKEN),
    _fault("not_http_binary", "Bytes come that are no text.", _NOT_HTTP, _instead(b"\x15\x03\x01\x00\x02\x02\x46" * 3,
           End.CLOSE), BROKEN),
    _fault("http_2", "The server speaks HTTP/2 only.", _NOT_HTTP, _instead(b"\x00\x00\x12\x04\x00\x00\x00\x00\x00" +
           bytes(18), End.CLOSE), BROKEN),
    _fault("status_not_a_number", "The status is no number.", _NOT_HTTP, _status_line(b"HTTP/1.1 abc OK"), BROKEN),
    _fault("status_line_endless", "The status line never ends.", _NOT_HTTP, _instead(b"HTTP/1.1 200 ", Repeat(b"O" *
           65536, 0.001)), Expects(errors=("WireError", "StreamInterrupted", "TimeoutError"))),
    # --- headers ------------------------------------------------------------------------------------------------------
    _fault("no_reason", "The status line has no words, and the answer is right.", _HEADERS,
           _status_line(b"HTTP/1.1 200"), WHOLE),
    _fault("many_headers", "There are 60 headers more than usual, and the answer is right.", _HEADERS,
           _with_headers(_MANY), WHOLE),
    _fault("odd_headers", "Headers are empty, repeated and not ASCII, and the answer is right.", _HEADERS,
           _with_headers(_ODD), WHOLE),
    _fault("huge_headers", "The headers are larger than 256 KiB.", _HEADERS,
           _with_headers(b"".join(b"x-huge-%d: %s\r\n" % (number, b"v" * 8000) for number in range(40))), BROKEN),
    _fault("endless_headers", "The headers never end.", _HEADERS, _instead(b"HTTP/1.1 200 OK\r\n",
           Repeat(b"x-more: and more\r\n" * 2000, 0.001)), Expects(errors=("WireError", "StreamInterrupted",
           "TimeoutError"))),
    _fault("connection_close", "The connection is closed after a right answer.", _HEADERS, lambda good:
           [*good.whole({"connection": "close"}), End.CLOSE], WHOLE),
    # --- interim answers ----------------------------------------------------------------------------------------------
    _fault("continue_unasked", "`100 Continue` comes before the right answer, unasked.", _INTERIM, _before(_CONTINUE),
           WHOLE),
    _fault("early_hints", "`103 Early Hints` comes twice before the right answer.", _INTERIM, _before(_HINTS, _HINTS),
           WHOLE),
    # --- redirects ----------------------------------------------------------------------------------------------------
    _fault("redirect_same_origin", "The answer is a redirect to the same address.", _REDIRECT, _redirect(307, _here),
           _REFUSED),
    _fault("redirect_other_origin", "The answer is a redirect to another origin, which must not see the key.",
           _REDIRECT, _redirect(308, _there), _REFUSED),
    _fault("redirect_to_get", "The answer is a redirect that would turn the request into a GET.", _REDIRECT,
           _redirect(302, _here), _MOVED),
    _fault("redirect_nowhere", "The answer is a redirect without an address.", _REDIRECT, _redirect(307, lambda good:
           ""), _MOVED),
    # --- no body ------------------------------------------------------------------------------------------------------
    _fault("no_content", "The answer is `204 No Content`.", _FRAMING, lambda good: [good.head(204, {"content-type":
           ""})], BROKEN),
    _fault("drip_chunk_ends", "Sizes and ends of chunks come byte by byte, and the answer is right.", _FRAMING, lambda
           good: [good.opened(), Drip(b"".join(chunks(good.payload())) + LAST_CHUNK)], WHOLE),
)
# fmt: on
