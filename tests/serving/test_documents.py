"""What the service says of itself: OpenAPI, the page, the metrics; and the fuzzer's word on the first."""

import html
import re
from collections import Counter
from dataclasses import fields
from pathlib import Path

import jsonschema
import pytest
import schemathesis
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from prometheus_client.parser import text_string_to_metric_families
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import positive_data_acceptance

from pawtrait.adapters.store.ledger import Decision
from pawtrait.serving import intake, manual, told
from pawtrait.serving.feedback import AboutMood, AboutPortrait
from pawtrait.serving.reviews import Verdict
from pawtrait.serving.settings import Settings
from pawtrait.stages import weights
from tests.holds import record
from tests.serving.callers import png

MEMBERS = ("type", "title", "status", "detail")
LEFT_OUT = [not_a_server_error, positive_data_acceptance]  # judged here; noise is no picture


def test_every_operation_is_told_with_an_example_and_its_problems(service):
    found = service.get("/openapi.json").json()
    for path, operations in found["paths"].items():
        for verb, operation in operations.items():
            where = f"{verb} {path}"
            assert operation["summary"] and operation["tags"], where
            assert "application/problem+json" in operation["responses"]["default"]["content"], where
            for status, answer in operation["responses"].items():
                content = answer.get("content", {})
                if "application/json" in content and status != "default":
                    assert content["application/json"].get("example"), f"{where} {status}"
                if status != "default" and "application/problem+json" in content:
                    told = content["application/problem+json"]["example"]
                    assert (str(told["status"]), set(told)) == (status, {*MEMBERS, "instance"}), where
    moods = found["paths"]["/v1/moods"]["post"]["responses"]["200"]["content"]["application/json"]
    assert moods["example"]["answers"][0]["label"] == "happy"
    portraits = found["paths"]["/v1/portraits"]["post"]["responses"]
    assert {"200", "202", "413", "415", "422", "429", "503", "504"} <= set(portraits)
    assert set(portraits["200"]["content"]) == {"image/png"}


def test_feedback_is_told_with_every_field_that_it_takes(service):
    """Any other is refused (422), and each is told with its limits."""
    told = service.get("/openapi.json").json()["paths"]["/v1/feedback"]["post"]["requestBody"]["content"]
    for body in told.values():
        assert set(body["schema"]["properties"]) == {*AboutMood.model_fields, *AboutPortrait.model_fields}
        assert body["schema"]["additionalProperties"] is False
    properties = told["application/json"]["schema"]["properties"]
    assert (properties["style"]["maxLength"], properties["strength"]["maximum"]) == (255, 1)
    assert "where there is no label" in properties["thumbs"]["description"]
    assert "the answer that `request` names" in properties["predicted"]["description"]


def test_no_number_of_pictures_is_told_that_a_setting_may_change(service):
    told = service.get("/openapi.json").json()["paths"]["/v1/moods"]["post"]["requestBody"]["content"]
    pictures = told["multipart/form-data"]["schema"]["properties"]["pictures"]
    assert "maxItems" not in pictures and "PAWTRAIT_MOST_PICTURES" in pictures["description"]


def test_a_review_is_told_by_the_model_that_checks_it(service):
    told = service.get("/openapi.json").json()["paths"]["/v1/reviews"]["post"]["requestBody"]["content"]
    schema = told["application/json"]["schema"]
    assert set(schema["properties"]) == set(Verdict.model_fields) and schema["additionalProperties"] is False
    assert schema["required"] == ["picture", "reviewer", "verdict"]
    assert schema["properties"]["reviewer"]["pattern"] == intake.TEXT


def test_the_page_says_what_a_field_may_be_that_may_be_left_out(service):
    page = html.unescape(service.get("/docs").text)
    assert '"label": "happy | sad | angry | other"' in page and '"picture": "a file"' in page
    assert '"request": "string"' in page and "…" not in page


def test_a_month_is_told_with_all_that_the_ledger_says_of_it():
    answer = told.MODELS["responses"][200]["content"]["application/json"]["example"]
    assert [set(one) for one in answer["months"]] == [{field.name for field in fields(Decision)}]


def test_the_page_says_what_fields_mean_and_what_headers_an_answer_has(service):
    page = service.get("/docs").text
    for words in (
        "<dt><code>picture</code> (needed)</dt><dd>the photo</dd>",
        "(for fast repainted in its own style); from 0 to 1</dd>",
        "<dt><code>X-Pawtrait-Picture</code></dt>",
        "a PNG as data URL, and its <code>method</code>",
    ):
        assert words in page, words


def test_answers_have_the_members_that_their_schemas_tell(service):
    """By which clients are generated; what may be null is told so."""
    found = service.get("/openapi.json").json()["paths"]
    two = [("pictures", png()), ("pictures", b"none")]
    asked = {
        ("/v1/moods", "post"): service.post("/v1/moods", files=two),
        ("/v1/feedback", "post"): service.post("/v1/feedback", json={"method": "fast", "thumbs": 1}),
        **{(path, "get"): service.get(path) for path in ("/v1/models", "/v1/reviews", "/readyz")},
    }
    for (path, verb), done in asked.items():
        content = found[path][verb]["responses"][str(done.status_code)]["content"]["application/json"]
        assert set(done.json()) == set(content["schema"]["required"]) == set(content["example"]), path
        jsonschema.validate(content["example"], content["schema"])
        jsonschema.validate(done.json(), content["schema"])
    answers = asked["/v1/moods", "post"].json()["answers"]
    assert [one["label"] for one in answers] == ["happy", None]
    example = found["/v1/moods"]["post"]["responses"]["200"]["content"]["application/json"]["example"]
    assert all(one.keys() == example["answers"][0].keys() for one in answers)


def test_the_page_shows_everything_and_loads_nothing(service):
    done = service.get("/docs")
    for path in service.get("/openapi.json").json()["paths"]:
        assert path in done.text
    assert not re.search(r"<script|src=|<link|@import|url\(", done.text)
    assert "http" not in done.headers["content-security-policy"]


def test_the_page_is_made_once(service):
    before = manual._whole.cache_info().misses
    assert service.get("/docs").text == service.get("/docs").text
    assert manual._whole.cache_info().misses == before + 1


def test_metrics_count_what_happened(service):
    service.post("/v1/moods", files={"pictures": png("sad")})
    service.post("/v1/moods", files={"pictures": b"none"})
    service.get("/a/path/that/nobody/has")
    families = text_string_to_metric_families(service.get("/metrics").text)
    samples = {
        (one.name, *sorted(one.labels.values())): one.value for family in families for one in family.samples
    }
    assert samples["pawtrait_requests_total", "/v1/moods", "200", "POST"] == 1
    assert samples["pawtrait_requests_total", "/v1/moods", "415", "POST"] == 1
    assert samples["pawtrait_requests_total", "", "404", "GET"] == 1
    assert samples["pawtrait_moods_total", "1", "false", "sad"] == 1
    assert samples["pawtrait_batch_pictures_total",] == 1 and samples["pawtrait_ready",] == 1
    assert samples["pawtrait_model", "1", "cnn", "pet-expression"] == 1
    assert samples["pawtrait_feedback_waiting",] == 0


def test_every_setting_is_in_the_manual_with_its_default():
    told = Path("docs/serving.md").read_text(encoding="utf-8")
    names = {name: f"PAWTRAIT_{name.upper()}" for name in Settings.model_fields}
    names["database"] = "DATABASE_URL"
    assert [name for name in names.values() if f"`{name}`" not in told] == []
    rows = dict(re.findall(r"^\| `(\w+)` \| `?([^|`]*)`? \|", told, re.MULTILINE))
    for field, name in names.items():
        default = Settings.model_fields[field].default
        if isinstance(default, int | float) and not isinstance(default, bool):
            assert float(rows[name].replace(",", "")) == default, name


@pytest.fixture
def painting(project, fast_folder, cyclegan_folder, serving):
    """A service that paints in every way, in steps that take no time, by features that start at random."""
    knobs = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    knobs["neural"] |= {"scales": [0.5, 1.0], "steps": [1, 1]}
    Path("params.yaml").write_text(yaml.safe_dump(knobs), encoding="utf-8")
    weights.run(out=Path("data/pretrained"), styles=Path("data/style_weights"))
    return serving(portrait_largest=64, portrait_side=64, portrait_steps=2, portrait_threads=1)


@pytest.mark.parametrize("cases", [4, pytest.param(250, marks=pytest.mark.slow)])
def test_the_fuzzer_finds_no_error_of_ours(painting, cases):
    """Requests made up from the document: none is answered by a 5xx, each as the document says."""
    service = painting
    assert all(one["available"] for one in service.get("/v1/styles").json()["methods"])
    schema = schemathesis.openapi.from_asgi("/openapi.json", service.app)
    codes: list[int] = []
    for operation in schema.get_all_operations():
        _fuzzed(operation.ok(), codes, cases)
    if cases >= 250:
        answers = {str(code): count for code, count in sorted(Counter(codes).items())}
        record("schemathesis", cases=len(codes), answers=answers)
    assert len(codes) >= 8 * cases  # some operations can be asked in one way only


def _fuzzed(operation, codes, cases):
    @settings(
        max_examples=cases,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def ask(case):
        done = case.call()
        codes.append(done.status_code)
        assert done.status_code < 500, (case.as_curl_command(), done.text)
        case.validate_response(done, excluded_checks=LEFT_OUT)

    ask()
