"""Exceptions, data structures, small helpers, and thread and cancellation rules of dependencies."""

import pickle
import threading
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import anyio
import anyio.to_thread
import pytest
from pydantic import TypeAdapter
from turboapi import concurrency, exceptions, utils
from turboapi.concurrency import contextmanager_in_threadpool
from turboapi.datastructures import Default, DefaultPlaceholder, UploadFile
from turboapi.exceptions import (
    FastAPIDeprecationWarning,
    FastAPIError,
    HTTPException,
    PydanticV1NotSupportedError,
    RequestValidationError,
    ValidationException,
)
from turboapi.responses import ORJSONResponse, UJSONResponse


@pytest.mark.parametrize(
    ("errors", "context", "expected"),
    [
        ([], None, "0 validation errors:"),
        ([{"a": 1}], {"function": "f"}, "1 validation error:\n  {'a': 1}"),
        ([1, 2], {"path": "GET /"}, "2 validation errors:\n  1\n  2\n\n  Endpoint: GET /"),
        (
            [],
            {"file": "a.py", "line": 3, "function": "f", "path": "GET /"},
            '0 validation errors:\n\n  File "a.py", line 3, in f\n    GET /',
        ),
    ],
)
def test_text_of_validation_errors(errors: Any, context: Any, expected: str) -> None:
    assert str(ValidationException(errors, endpoint_ctx=context)) == expected


def test_exceptions_keep_what_they_are_given() -> None:
    errors = [{"loc": ("body", 1)}]
    error = RequestValidationError(errors, body={"x": 1})
    assert error.errors() is errors
    assert error.body == {"x": 1}
    assert pickle.loads(pickle.dumps(error)).errors() == errors
    assert HTTPException(404).detail == "Not Found"
    assert exceptions.RequestErrorModel is exceptions.RequestErrorModel
    with pytest.raises(AttributeError):
        exceptions.no_such_name  # type: ignore[attr-defined]  # noqa: B018


@pytest.mark.parametrize(
    ("status", "allowed"),
    [
        (None, True),
        ("default", True),
        ("4XX", True),
        (199, False),
        (200, True),
        (204, False),
        ("205", False),
        (304, False),
        (404, True),
    ],
)
def test_statuses_with_a_body(status: Any, allowed: bool) -> None:
    assert utils.is_body_allowed_for_status_code(status) is allowed


def test_dict_update_and_defaults() -> None:
    main: dict[str, Any] = {"a": {"b": 1, "l": [1]}, "c": [1]}
    utils.deep_dict_update(main, {"a": {"b": 2, "l": [2]}, "c": 3})
    assert main == {"a": {"b": 2, "l": [1, 2]}, "c": 3}
    given = utils.get_value_or_default(Default(1), Default(2), 3)
    assert given == 3
    first: Any = utils.get_value_or_default(Default(1), Default(2))
    assert isinstance(first, DefaultPlaceholder)
    assert first == DefaultPlaceholder(1)
    assert not Default(0)


def test_fields_of_impossible_types() -> None:
    with pytest.raises(FastAPIError, match="Invalid args for response field"):
        utils.create_model_field("x", type("Unknown", (), {}))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        v1 = pytest.importorskip("pydantic.v1", exc_type=Exception)
        old = type("Old", (v1.BaseModel,), {})
        with pytest.raises(PydanticV1NotSupportedError):
            utils.create_model_field("x", list[old])  # type: ignore[valid-type]


def test_upload_file_type() -> None:
    adapter = TypeAdapter(UploadFile)
    assert adapter.json_schema() == {
        "type": "string",
        "contentMediaType": "application/octet-stream",
    }
    with pytest.raises(ValueError, match="Expected UploadFile, received: <class 'str'>"):
        adapter.validate_python("x")


def test_deprecated_responses_say_so() -> None:
    for kind in (ORJSONResponse, UJSONResponse):
        with (
            pytest.warns(FastAPIDeprecationWarning, match=f"^{kind.__name__} is deprecated"),
            pytest.raises(AssertionError, match="must be installed"),
            pytest.MonkeyPatch.context() as patch,
        ):
            patch.setattr("turboapi.responses.orjson", None)
            patch.setattr("turboapi.responses.ujson", None)
            kind({})


# --- threads and cancellation ----------------------------------------------------------------------


def test_manager_is_left_in_a_thread_and_sees_the_exception() -> None:
    seen: list[Any] = []

    @contextmanager
    def manager() -> Any:
        seen.append(threading.get_ident())
        try:
            yield "value"
        except ValueError as error:
            seen.append((threading.get_ident(), error))
            raise

    async def use() -> None:
        async with contextmanager_in_threadpool(manager()) as value:
            assert value == "value"
            raise ValueError("body")

    with pytest.raises(ValueError, match="body") as caught:
        anyio.run(use)
    assert seen[0] != threading.get_ident()
    assert seen[1][1] is caught.value


def test_exit_needs_no_free_thread_and_survives_cancellation() -> None:
    left: list[str] = []

    @contextmanager
    def manager() -> Any:
        try:
            yield
        finally:
            left.append("left")

    async def use() -> None:
        limiter = anyio.to_thread.current_default_thread_limiter()
        limiter.total_tokens = 1
        with anyio.CancelScope() as scope:
            async with contextmanager_in_threadpool(manager()):
                await limiter.acquire()
                scope.cancel()
                await anyio.sleep(0)
        limiter.release()
        assert scope.cancelled_caught

    anyio.run(use)
    assert left == ["left"]


def test_shield_lasts_for_the_exit_only() -> None:
    shields: list[bool] = []

    async def use() -> None:
        cleanup = anyio.CancelScope()

        @asynccontextmanager
        async def resource() -> AsyncIterator[None]:
            try:
                yield
            finally:
                await anyio.sleep(0)
                shields.append(cleanup.shield)

        with anyio.CancelScope() as outer, cleanup:
            async with concurrency._asynccontextmanager_with_shielded_exit(resource(), cleanup):
                outer.cancel()
            shields.append(True)  # not reached: the cancellation shows right after the exit
        assert outer.cancelled_caught
        assert not cleanup.shield

    anyio.run(use)
    assert shields == [True]


def test_semaphore_per_event_loop() -> None:
    limit = concurrency._DependencyConcurrency(2)

    async def look() -> anyio.Semaphore:
        first = limit.get_semaphore()
        assert limit.get_semaphore() is first
        assert first.value == 2
        return first

    assert anyio.run(look) is not anyio.run(look)
