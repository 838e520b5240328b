"""The API keeps to its own OpenAPI document, whatever is asked."""

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from tests.support.serving import Server

EXAMPLES = 6  # of each address
CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance,
    unsupported_method,
]  # fmt: skip
ENDLESS = ("/v1/events", "/stream")


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_every_address_answers_as_its_document_says(server: Server) -> None:
    schema = schemathesis.openapi.from_dict(server.get("/openapi.json"))
    asked = []
    for result in schema.get_all_operations():
        found: Any = result
        operation = found.ok()
        if operation.path.endswith(ENDLESS):
            continue
        asked.append(operation.label)

        @settings(
            max_examples=EXAMPLES, deadline=None, phases=[Phase.explicit, Phase.generate], database=None,
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(case=st.one_of(operation.as_strategy()))
        def check(case: Any) -> None:
            case.call_and_validate(base_url=server.address, checks=CHECKS, timeout=60)

        check()
    assert len(asked) >= 20
