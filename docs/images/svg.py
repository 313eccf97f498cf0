"""The little that the drawings need of SVG: a page with one set of colours for light and one for dark, and one typography."""

from html import escape

SANS = "-apple-system, 'Segoe UI', 'Noto Sans', Helvetica, Arial, sans-serif"
MONO = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'Liberation Mono', monospace"

# Class: property, colour in light, colour in dark.
COLOURS = {
    "page": ("fill", "#ffffff", "#0d1117"),
    "edge": ("stroke", "#d1d9e0", "#3d444d"),
    "area": ("fill", "#f6f8fa", "#151b23"),
    "box": ("fill", "#ffffff", "#0d1117"),
    "text": ("fill", "#1f2328", "#f0f6fc"),
    "muted": ("fill", "#59636e", "#9198a1"),
    "line": ("stroke", "#59636e", "#9198a1"),
    "tip": ("fill", "#59636e", "#9198a1"),
    "grid": ("stroke", "#d1d9e0", "#2f353d"),
    "blue": ("fill", "#0969da", "#4493f8"),
    "blue-line": ("stroke", "#0969da", "#4493f8"),
    "blue-area": ("fill", "#ddf4ff", "#121d2f"),
    "green": ("fill", "#1a7f37", "#3fb950"),
    "green-line": ("stroke", "#1a7f37", "#3fb950"),
    "green-area": ("fill", "#dafbe1", "#12261e"),
    "red": ("fill", "#cf222e", "#f85149"),
    "red-line": ("stroke", "#cf222e", "#f85149"),
    "red-area": ("fill", "#ffcecb", "#5d1a1e"),
    "badge": ("fill", "#0969da", "#4493f8"),
    "on-badge": ("fill", "#ffffff", "#0d1117"),
}


class Page:
    """A drawing of 800 units in width, with a title and a description for readers who cannot see it."""

    WIDTH = 800

    def __init__(self, height, title, description):
        self.height, self.title, self.description = height, title, description
        self.parts = []

    def raw(self, text):
        self.parts.append(text)

    def rect(self, x, y, width, height, classes, radius=6):
        self.raw(f'<rect class="{classes}" x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="{radius:g}"/>')

    def text(self, x, y, text, size=13, classes="text", anchor="start"):
        at = "" if anchor == "start" else f' text-anchor="{anchor}"'
        self.raw(f'<text class="{classes}" x="{x:g}" y="{y:g}" font-size="{size:g}"{at}>{escape(text, quote=False)}</text>')

    def words(self, x, y, parts, gap=8):
        """Texts in one line, each (text, size, classes); where one ends depends on the reader's font."""
        spans = ""
        for text, size, classes in parts:
            apart = f' dx="{gap:g}"' if spans else ""
            spans += f'<tspan class="{classes}" font-size="{size:g}"{apart}>{escape(text, quote=False)}</tspan>'
        self.raw(f'<text x="{x:g}" y="{y:g}">{spans}</text>')

    def lines(self, x, y, lines, size=13, classes="text", anchor="start", leading=None):
        for index, line in enumerate(lines):
            self.text(x, y + index * (leading or size * 1.4), line, size, classes, anchor)

    def line(self, x1, y1, x2, y2, classes="line", dash=None):
        dashes = f' stroke-dasharray="{dash}"' if dash else ""
        self.raw(f'<line class="{classes}" x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}"{dashes}/>')

    def path(self, points, classes, closed=False, dash=None):
        dashes = f' stroke-dasharray="{dash}"' if dash else ""
        way = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points) + ("Z" if closed else "")
        self.raw(f'<path class="{classes}" d="{way}"{dashes}/>')

    def arrow(self, points, both=False, classes="line", tip="tip", dash=None):
        """A line through the points with a head at its end, and with `both` at its start as well."""
        self.path(points, classes + " open", dash=dash)
        self.head(points[-2], points[-1], tip)
        if both:
            self.head(points[1], points[0], tip)

    def head(self, start, end, tip):
        (x1, y1), (x2, y2) = start, end
        length = max(((x2 - x1) ** 2 + (y2 - y1) ** 2) ** 0.5, 1)
        dx, dy = (x2 - x1) / length, (y2 - y1) / length
        back = (x2 - 8 * dx, y2 - 8 * dy)
        self.path([(x2, y2), (back[0] - 4 * dy, back[1] + 4 * dx), (back[0] + 4 * dy, back[1] - 4 * dx)], tip, closed=True)

    def badge(self, x, y, number):
        self.raw(f'<circle class="badge" cx="{x:g}" cy="{y:g}" r="10.5"/>')
        self.text(x, y + 4.3, str(number), 12, "on-badge strong", "middle")

    def __str__(self):
        light = "".join(f".{name}{{{kind}:{colour}}}" for name, (kind, colour, _) in COLOURS.items())
        dark = "".join(f".{name}{{{kind}:{colour}}}" for name, (kind, _, colour) in COLOURS.items())
        rules = (
            f"text{{font-family:{SANS}}}.mono{{font-family:{MONO}}}.strong{{font-weight:600}}.open{{fill:none}}"
            ".edge,.grid{stroke-width:1}.line,.blue-line,.green-line,.red-line{stroke-width:1.5}")
        return "\n".join([
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{self.WIDTH}" height="{self.height}"'
            f' viewBox="0 0 {self.WIDTH} {self.height}" role="img" aria-labelledby="title description">',
            f'<title id="title">{escape(self.title, quote=False)}</title>',
            f'<desc id="description">{escape(self.description, quote=False)}</desc>',
            f"<style>{rules}{light}@media(prefers-color-scheme:dark){{{dark}}}</style>",
            f'<rect class="page edge" x="0.5" y="0.5" width="{self.WIDTH - 1}" height="{self.height - 1}" rx="8"/>',
            *self.parts,
            "</svg>",
            "",
        ])
