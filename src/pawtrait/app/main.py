"""The app's first file, which Streamlit runs anew for every click; ``python -m pawtrait.app`` starts it."""

from functools import cache
from importlib.resources import files

import streamlit as st
from PIL import Image, ImageDraw

from pawtrait.app import parts
from pawtrait.app.views import home, operators, reviewers, studio, this_visit

PAGES = (
    (home.page, "Read a mood", ":material/pets:", ""),
    (studio.page, "Portrait studio", ":material/brush:", "studio"),
    (this_visit.page, "This visit", ":material/history:", "visit"),
    (reviewers.page, "Reviewers", ":material/rate_review:", "reviewers"),
    (operators.page, "Operators", ":material/monitoring:", "operators"),
)
FOOT = "A guess from a picture, made by this service alone. It does not replace knowing your pet, or a vet."
PAW = ((16, 21, 8, 6.5), (6, 14, 3, 4), (12.5, 8, 3, 4.3), (19.5, 8, 3, 4.3), (26, 14, 3, 4))  # x y rx ry


def main() -> None:
    """One run of the page that the visitor looks at."""
    st.set_page_config(page_icon=_paw(), layout="centered")  # else browsers fetch a page's own from afar
    st.html(f"<style>{_style()}</style>")
    pages = [
        st.Page(show, title=title, icon=icon, url_path=path, default=not path)
        for show, title, icon, path in PAGES
    ]
    st.session_state["pages"] = {page.url_path: page for page in pages}
    page = st.navigation(pages, position="top")
    st.set_page_config(page_title=f"{page.title} · Pawtrait")
    parts.herald(page.url_path)
    page.run()
    st.html(f'<footer class="paw-foot">{FOOT}</footer>')


@cache
def _style() -> str:
    return files("pawtrait.app").joinpath("style.css").read_text(encoding="utf-8")


@cache
def _paw() -> Image.Image:
    """The sign in the browser's tab: RGBA (64, 64)."""
    paw = Image.new("RGBA", (64, 64))
    pen = ImageDraw.Draw(paw)
    for x, y, rx, ry in PAW:
        pen.ellipse((2 * (x - rx), 2 * (y - ry), 2 * (x + rx), 2 * (y + ry)), fill="#b24714")
    return paw


if __name__ == "__main__":
    main()
