"""The monitoring page, as the service hands it out."""

from pathlib import Path


def test_the_newest_page_is_shown_and_may_load_nothing(service, project: Path):
    folder = project / "data/monitor"
    folder.mkdir(parents=True)
    for day in ("2026-11-24", "2026-11-25"):
        (folder / f"{day}.html").write_text(f"<h1>{day}</h1>", encoding="utf-8")
    (folder / "zzz.html").write_text("not a day's", encoding="utf-8")
    done = service.get("/v1/monitoring")
    assert "2026-11-25" in done.text
    assert done.headers["content-security-policy"].startswith("default-src 'none'")


def test_before_the_first_look_there_is_none_and_it_is_said_what_writes_one(service):
    done = service.get("/v1/monitoring")
    assert done.status_code == 404
    assert "pawtrait monitor" in done.json()["detail"]
