"""Self-contained HTML pages with figures, which open from disk in any browser, without network."""

from signpipe.html.figures import data_uri, new_figure, png, thumbnail
from signpipe.html.page import Html, Section, figure, folded, grid, join, page, paragraph, table, verdict, write_page

__all__ = [
    "Html",
    "Section",
    "data_uri",
    "figure",
    "folded",
    "grid",
    "join",
    "new_figure",
    "page",
    "paragraph",
    "png",
    "table",
    "thumbnail",
    "verdict",
    "write_page",
]
