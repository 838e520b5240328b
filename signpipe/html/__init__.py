"""Self-contained HTML pages with figures, which open from disk in any browser, without network."""

from signpipe.html.figures import data_uri, new_figure, png, thumbnail
from signpipe.html.page import (
    Html,
    Section,
    figure,
    folded,
    grid,
    heading,
    join,
    page,
    paragraph,
    table,
    templates,
    verdict,
    write_page,
)

__all__ = [
    "Html",
    "Section",
    "data_uri",
    "figure",
    "folded",
    "grid",
    "heading",
    "join",
    "new_figure",
    "page",
    "paragraph",
    "png",
    "table",
    "templates",
    "thumbnail",
    "verdict",
    "write_page",
]
