"""Responses to OTLP clients in the encoding of the request: success, partial success, or google.rpc.Status."""

from __future__ import annotations

from typing import Final, Literal

import orjson
from fastapi.responses import Response
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from genaiops_core.errors import GenAIOpsError, Unavailable

PROTOBUF: Final = "application/x-protobuf"
JSON: Final = "application/json"

Encoding = Literal["application/x-protobuf", "application/json"]

# google.rpc.Code
_CODES = {400: 3, 413: 8, 415: 3, 503: 14}
_INTERNAL = 13


def traces_response(encoding: Encoding, *, rejected: int = 0, problem: str = "") -> Response:
    """All spans were stored, except `rejected` ones."""
    if encoding == JSON:
        return _json_success("rejectedSpans", rejected, problem)
    answer = ExportTraceServiceResponse()
    if rejected or problem:
        answer.partial_success.rejected_spans = rejected
        answer.partial_success.error_message = problem
    return Response(answer.SerializeToString(), media_type=PROTOBUF)


def logs_response(encoding: Encoding, *, rejected: int = 0, problem: str = "") -> Response:
    """All log records were stored, except `rejected` ones."""
    if encoding == JSON:
        return _json_success("rejectedLogRecords", rejected, problem)
    answer = ExportLogsServiceResponse()
    if rejected or problem:
        answer.partial_success.rejected_log_records = rejected
        answer.partial_success.error_message = problem
    return Response(answer.SerializeToString(), media_type=PROTOBUF)


def error_response(encoding: Encoding, error: Exception) -> Response:
    """An OTLP error: the status of `error` and a google.rpc.Status body."""
    if isinstance(error, GenAIOpsError):
        http_status, message = error.http_status, str(error)
    else:
        http_status, message = (
            500,
            "The batch was not stored because of an error in this server; see its log.",
        )
    headers = {"Retry-After": str(error.retry_after_s)} if isinstance(error, Unavailable) else None
    code = _CODES.get(http_status, _INTERNAL)
    body = orjson.dumps({"code": code, "message": message}) if encoding == JSON else _status(code, message)
    return Response(body, status_code=http_status, media_type=encoding, headers=headers)


def _json_success(field: str, rejected: int, problem: str) -> Response:
    body: dict[str, object] = {}
    if rejected or problem:
        # 64-bit integers are texts in the JSON encoding of protobuf.
        body["partialSuccess"] = {field: str(rejected), "errorMessage": problem}
    return Response(orjson.dumps(body), media_type=JSON)


def _status(code: int, message: str) -> bytes:
    """google.rpc.Status {int32 code = 1; string message = 2}: only two fields, so encoded without a generated class."""
    text = message.encode()
    return b"\x08" + _varint(code) + b"\x12" + _varint(len(text)) + text


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
