"""
The models that this process has in memory.

A model is loaded by the first call that asks it, in a thread of its own, and stays for the calls and clients that come
after.  At most `MOST` stay; the one that was asked longest ago goes first, as soon as its last answer is out.  It
computes as many answers at once as it has slots; further calls wait in order, and one that is left while it waits costs
nothing.

Rules: xllamacpp is imported here only, and by the first model only.  Nothing of it is reachable from outside of the
process.  A child made by `fork` has none of its parent's threads, so it loads its own models and leaves the parent's
alone.

Source: xllamacpp 2026.10, `server.cpp`; what it does after `fork`, as seen with that version.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import secrets
import threading
import weakref
from collections import deque
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, Protocol

from dragoman.errors import ConfigError
from dragoman.transport.gguf import Header, read_header, unusable
from dragoman.transport.local_source import Options, Source

MOST: Final = 2
_CONTEXT: Final = 8192  # tokens, for models that could read more: memory for them is taken at once
_BATCH: Final = 512  # tokens of a prompt between two moments at which an answer can be stopped
_PATIENCE: Final = 60.0  # seconds that the end of the process waits for threads inside llama.cpp

# Loading and freeing start and stop threads that all models of llama.cpp share.  Reentrant, because a model may be
# collected in the midst of loading another.
_one_at_a_time = threading.RLock()


class Job(Protocol):
    """A call that waits for a model."""

    @property
    def left(self) -> bool:
        """Whether nobody waits for it any more."""
        ...

    def perform(self, model: Model) -> None:
        """Do it, in the model's thread."""
        ...

    def abort(self) -> None:
        """Have it end soon."""
        ...


class Model:
    """One file with its options; loaded by its first call."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.touched = False  # whether it has, or had, something of llama.cpp
        self._lock = threading.Lock()
        self._loading = threading.Lock()
        self._waiting: deque[Job] = deque()
        self._jobs: list[Job] = []
        self._threads: list[threading.Thread] = []
        self._server: Any = None

    def __del__(self) -> None:
        with _one_at_a_time:
            self._server = None

    def submit(self, job: Job) -> None:
        """Have `job` performed when it is its turn."""
        with self._lock:
            if len(self._threads) < self.source.options.slots:
                thread = threading.Thread(target=self._work, name="dragoman-local", daemon=True)
                thread.start()
                self._threads.append(thread)
            self._waiting.append(job)

    def server(self) -> Any:
        """
        Return llama.cpp's server object, loaded if this is the first call.

        Raises:
            ConfigError: The file or the library cannot be used; nothing is kept.
        """
        with self._loading:
            if self._server is None:
                self._server = _kept.load(self)
            return self._server

    def stop(self) -> list[threading.Thread]:
        """End all calls, and return the threads that may take a moment for it."""
        with self._lock:
            for job in (*self._jobs, *self._waiting):
                job.abort()
            return list(self._threads)

    def leak(self) -> None:
        """Never free what llama.cpp has of it."""
        if self._server is not None:
            _leak(self._server)

    def _work(self) -> None:
        done: Job | None = None
        try:
            while (job := self._next(done)) is not None:
                job.perform(self)
                done = job
        except BaseException:
            with self._lock:
                self._threads.remove(threading.current_thread())
            raise

    def _next(self, done: Job | None) -> Job | None:
        """The next job; None if there is none, and then this thread is not counted any more."""
        with self._lock:
            if done is not None:
                self._jobs.remove(done)
            while self._waiting:
                job = self._waiting.popleft()
                if not job.left:
                    self._jobs.append(job)
                    return job
            self._threads.remove(threading.current_thread())
            return None


class _Kept:
    """
    Which models stay, in the order in which they were asked.

    Attributes:
        stained: Whether llama.cpp was in use when this process was forked.  It cannot free anything any more then: it
            would wait for threads that only the parent has.
    """

    def __init__(self, *, stained: bool = False) -> None:
        self.stained = stained
        self._lock = threading.Lock()
        self._models: dict[Source, Model] = {}
        self._all: weakref.WeakSet[Model] = weakref.WeakSet()  # those too that only have to finish

    def find(self, source: Source) -> Model:
        with self._lock:
            model = self._models.pop(source, None) or Model(source)
            self._models[source] = model
            self._all.add(model)
            return model

    def everything(self) -> list[Model]:
        return list(self._all)

    def load(self, model: Model) -> Any:
        try:
            path = model.source.locate()
            header = read_header(path)
            library = _library()
            with _one_at_a_time:
                self._make_room(model)
                model.touched = True
                server = _start(library, path, header, model.source.options)
                if self.stained:
                    _leak(server)
                return server
        except BaseException:
            with self._lock:
                if self._models.get(model.source) is model:
                    del self._models[model.source]
            raise

    def _make_room(self, coming: Model) -> None:
        with self._lock:
            loaded = [model for model in self._models.values() if model.touched and model is not coming]
            leaving = loaded[: max(0, len(loaded) + 1 - MOST)]
            if leaving and self.stained:
                raise ConfigError(
                    f"{MOST} local models are in memory, and none can be freed in a process that was forked from one "
                    "with models: start processes by 'spawn', or fork before the first call",
                    field="model",
                )
            for model in leaving:
                del self._models[model.source]

    def names(self) -> list[str]:
        with self._lock:
            return [model.source.name for model in self._models.values() if model.touched]

    def clear(self) -> None:
        if self.stained:
            raise ConfigError(
                "local models cannot be freed in a process that was forked from one with models: end the process",
                field="model",
            )
        with self._lock:
            leaving, self._models = self._models, {}
        leaving.clear()


_kept = _Kept()


def find(source: Source) -> Model:
    """The model of a source; it is loaded when it is first asked."""
    return _kept.find(source)


def loaded() -> list[str]:
    """Names of the models in memory, in the order in which they were asked last."""
    return _kept.names()


def unload() -> None:
    """
    Free the memory of all models; one that is answering goes when its answers are out.

    Raises:
        ConfigError: This process was forked from one that had models.
    """
    _kept.clear()


# --- llama.cpp --------------------------------------------------------------------------------------------------------


def _library() -> Any:
    try:
        return import_module("xllamacpp")
    except ImportError as error:
        raise ConfigError(
            "local models need xllamacpp: pip install dragoman[local]", provider="local", field="model"
        ) from error


def _start(library: Any, path: Path, header: Header, options: Options) -> Any:
    params = library.CommonParams()
    params.model.path = str(path)
    params.n_ctx = _context(path, header, options) * options.slots
    params.n_parallel = options.slots
    params.n_batch = _BATCH
    params.cache_ram_mib = 0  # else up to 8 GiB of earlier prompts
    params.warmup = False
    params.verbosity = options.log or -1
    params.n_threads_http = 1
    params.sse_ping_interval = -1
    if options.threads is not None:
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = options.threads
    if options.gpu_layers is not None:
        params.n_gpu_layers = options.gpu_layers
    # It always listens, and by default on a TCP port without a key, for any page in a browser.  Here it listens on a
    # socket in a folder of ours, which is gone before anyone else can know of it, and with a key that nobody knows.
    params.api_keys = [secrets.token_hex(32)]
    with TemporaryDirectory(prefix="dragoman-") as folder:
        params.hostnames = [f"{folder}/local.sock"]
        try:
            return library.Server(params)
        except (RuntimeError, ValueError) as error:
            raise unusable(
                path,
                f"cannot be loaded by xllamacpp {library.__version__}, which may not know its architecture "
                f"({header.architecture}) or find too little memory: put ?log=1 after the name to see why",
            ) from error


def _leak(server: Any) -> None:
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(server))


def _context(path: Path, header: Header, options: Options) -> int:
    made_for = header.context
    if options.ctx is None:
        return min(_CONTEXT, made_for or _CONTEXT)
    if options.ctx == 0:
        return made_for or _CONTEXT
    if made_for is not None and options.ctx > made_for:
        raise ConfigError(
            f"the model file {str(path)!r} was made for {made_for} tokens: give ctx={made_for} or less",
            field="model.ctx",
        )
    return options.ctx


# --- the process ------------------------------------------------------------------------------------------------------


def _after_fork() -> None:
    """In a child, where none of the parent's threads are."""
    global _kept, _one_at_a_time
    _one_at_a_time = threading.RLock()
    parents = [model for model in _kept.everything() if model.touched]
    for model in parents:
        model.leak()
    _kept = _Kept(stained=_kept.stained or bool(parents))
    if _kept.stained:
        _skip_destructors()


def _skip_destructors() -> None:
    """
    Have this process end without llama.cpp's static destructors, which wait for a thread of the parent's for ever.

    `on_exit` is GNU's; where it is missing, `os._exit` ends such a child, as `multiprocessing` does.
    """
    libc: Any = ctypes.CDLL(None)
    if hasattr(libc, "on_exit"):
        libc.on_exit(libc._exit, None)


def _at_exit() -> None:
    """No thread may be inside llama.cpp when the interpreter ends."""
    threads = [thread for model in _kept.everything() for thread in model.stop()]
    for thread in threads:
        thread.join(_PATIENCE)
    if not _kept.stained:
        _kept.clear()


if hasattr(os, "register_at_fork"):  # Windows has no fork
    os.register_at_fork(after_in_child=_after_fork)
atexit.register(_at_exit)
