"""What the styles of a page hide: rules of its ``<style>`` elements, and its elements' own."""

import colorsys
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Color = tuple[float, float, float]
_WHITE, _BLACK = (255.0, 255.0, 255.0), (0.0, 0.0, 0.0)
# Of 255, in the channel that differs most.
_ALIKE = 16
_MOST_CSS, _MOST_RULES, _DEEPEST = 500_000, 2_000, 4
# Pixels: no letter that is read is so small, no page so wide.
_TINY, _FAR = 2.0, -500.0
_UNITS = {"": 1.0, "px": 1.0, "pt": 1.33, "em": 16.0, "rem": 16.0, "vw": 12.0, "cm": 38.0}
_CLEAR = 0.05
_SIDES = ("width", "height", "max-width", "max-height")
_LENGTH = re.compile(r"(-?(?:\d+\.?\d*|\.\d+))(px|pt|em|rem|vw|cm|%)?")
_COMMENT = re.compile(r"/\*[^*]*\*+(?:[^/*][^*]*\*+)*/")
# What holds only while something is done to an element, or for what it has none of.
_PASSING = re.compile(r":(?!not\b|nth-|first-child|last-child|only-child|is\b|where\b|root\b)")
_HEX = re.compile(r"#([0-9a-f]{3,8})")
_FUNCTION = re.compile(r"(rgb|hsl)a?\(([^)]*)\)")
_SCALED_AWAY = re.compile(r"scale[xy3d]*\(\s*0?\.?0+\s*[,)]")
_CLIPPED = re.compile(
    r"rect\([01]?(?:px)?(?:[\s,]+[01](?:px)?){3}\s*\)|circle\(0|inset\((?:[5-9]\d|100)%"
)
_NAMES = {
    "white": _WHITE,
    "snow": (255.0, 250.0, 250.0),
    "ivory": (255.0, 255.0, 240.0),
    "ghostwhite": (248.0, 248.0, 255.0),
    "whitesmoke": (245.0, 245.0, 245.0),
    "black": _BLACK,
}
_Style = dict[str, str]


@dataclass(frozen=True, slots=True)
class Look:
    """The colours that text has within an element; ``None``: not known."""

    color: Color | None = _BLACK
    ground: Color | None = _WHITE
    is_clear: bool = False

    @property
    def is_unseen(self) -> bool:
        """Whether text has the colour of what it stands on."""
        if self.is_clear:
            return True
        if self.color is None or self.ground is None:
            return False
        return max(abs(a - b) for a, b in zip(self.color, self.ground, strict=True)) < _ALIKE


class PageStyle:
    """The styles of a page's elements."""

    def __init__(self, parser: Any, markup: str) -> None:
        # Without any, what lies above the rest of the page is on white as well.
        self.has_grounds = bool(re.search("background|bgcolor", markup, re.IGNORECASE))
        # Address of an element → its declarations, the strongest last.
        self._declared: dict[int, _Style] = {}
        css = "\n".join(node.text() or "" for node in parser.css("style"))[:_MOST_CSS]
        rules = sorted(_rules(_COMMENT.sub("", css)), key=lambda rule: rule[0])
        for _, selector, style in rules[:_MOST_RULES]:
            for node in _matching(parser, selector):
                self._declared.setdefault(node.mem_id, {}).update(style)

    def of(self, node: Any) -> _Style:
        """Return what is declared of an element, by rules and by itself."""
        attributes = node.attributes
        own = attributes.get("style") if attributes else None
        style = self._declared.get(node.mem_id, {})
        if not own and not attributes.keys() & {"bgcolor", "color", "text", "background"}:
            return style
        given = {
            "color": attributes.get("color") or attributes.get("text") or "",
            "background-color": attributes.get("bgcolor") or "",
            "background-image": attributes.get("background") or "",
        }
        return {name: value for name, value in given.items() if value} | style | _declarations(own)


def hides(style: _Style) -> bool:
    """Tell whether an element of such a style shows none of its text."""
    get = style.get
    opacity = _number(get("opacity"))
    boxed = "hidden" in get("overflow", "")
    return bool(
        get("display") == "none"
        or get("visibility") in ("hidden", "collapse")
        or (opacity is not None and opacity < _CLEAR)
        or _is_tiny(get("font-size"))
        or _is_away(style)
        or _SCALED_AWAY.search(get("transform", ""))
        or _CLIPPED.search(f"{get('clip', '')} {get('clip-path', '')}")
        or (boxed and any(_is_tiny(get(side)) for side in _SIDES))
    )


def look_of(style: _Style, around: Look, *, has_grounds: bool) -> Look:
    """Return the colours within an element, given those around it."""
    color, ground, is_clear = around.color, around.ground, around.is_clear
    if value := style.get("color", ""):
        color, is_clear = _color(value), _is_clear(value)
        if value in ("inherit", "currentcolor", "unset"):
            color, is_clear = around.color, around.is_clear
    background = f"{style.get('background', '')} {style.get('background-color', '')}".strip()
    image = f"{background} {style.get('background-image', '')}"
    lies_above = has_grounds and style.get("position") in ("absolute", "fixed")
    if "url(" in image or "gradient" in image or (lies_above and not background):
        ground = None
    elif background and not _is_clear(background) and background not in ("none", "inherit"):
        ground = _color(background)
    elif style.get("background-image", "none") != "none":
        ground = None
    return Look(color, ground, is_clear)


def _rules(css: str) -> Iterator[tuple[tuple[int, ...], str, _Style]]:
    """Yield weight, selector and declarations of each rule that says something of what is shown."""
    around: list[str] = []
    before = ""
    for order, token in enumerate(re.split(r"([{}])", css)):
        if token == "{":
            around.append(before.rpartition(";")[2].strip())
        elif token == "}":
            selectors = around.pop() if around else "@"
            if selectors.startswith("@") or len(around) > _DEEPEST or not all(map(_holds, around)):
                continue
            style = _declarations(before)
            for selector in selectors.split(",") if style else ():
                if selector.strip() and not _PASSING.search(selector):
                    yield (*_weight(selector), order), selector.strip(), style
        before = token


def _holds(at_rule: str) -> bool:
    """Tell whether what is in a block holds on a screen of ordinary size."""
    rule = at_rule.lower()
    return rule.startswith(("@media", "@supports", "@layer")) and not re.search(
        r"print|max-|speech|dark|portrait", rule
    )


def _matching(parser: Any, selector: str) -> list[Any]:
    from selectolax.lexbor import SelectolaxError

    try:
        return list(parser.css(selector))
    except SelectolaxError:
        return []


def _weight(selector: str) -> tuple[int, int, int]:
    ids, classes = selector.count("#"), len(re.findall(r"[.\[:]", selector))
    return ids, classes, len(re.findall(r"(?:^|[\s>+~])[a-z]", selector, re.IGNORECASE))


def _declarations(text: str | None) -> _Style:
    pairs = (part.partition(":") for part in (text or "").lower().split(";"))
    return {
        name.strip(): value.replace("!important", "").strip()
        for name, colon, value in pairs
        if colon
    }


def _number(value: str | None) -> float | None:
    """Return a length in pixels; ``None`` where it is none."""
    found = _LENGTH.match((value or "").strip())
    if found is None:
        return None
    unit = found[2] or ""
    return float(found[1]) * (0.16 if unit == "%" else _UNITS[unit])


def _is_tiny(value: str | None) -> bool:
    size = _number(value)
    return size is not None and 0 <= size < _TINY


def _is_away(style: _Style) -> bool:
    """Tell whether an element lies where no page reaches."""
    names = ["text-indent", "margin-left", "margin-top"]
    if style.get("position") in ("absolute", "fixed", "relative"):
        names += ["left", "top", "right", "bottom"]
    places = [_number(style.get(name)) for name in names]
    if moved := re.search(r"translate[xy3d]*\(([^,)]*)", style.get("transform", "")):
        places.append(_number(moved[1]))
    return any(place is not None and place <= _FAR for place in places)


def _is_clear(value: str) -> bool:
    if value == "transparent":
        return True
    found = _FUNCTION.match(value)
    parts = re.findall(r"[\d.]+%?", found[2]) if found else []
    return len(parts) == 4 and float(parts[3].rstrip("%")) < _CLEAR


def _color(value: str) -> Color | None:
    """Return a colour, of 255; ``None`` where it is not known."""
    if found := _HEX.search(value):
        digits = found[1] if len(found[1]) > 4 else "".join(digit * 2 for digit in found[1])
        if len(digits) < 6:
            return None
        red, green, blue = (float(int(digits[at : at + 2], 16)) for at in (0, 2, 4))
        return red, green, blue
    if found := _FUNCTION.search(value):
        numbers = re.findall(r"(-?[\d.]+)(%?)", found[2])
        if len(numbers) < 3 or any(number.count(".") > 1 for number, _ in numbers):
            return None
        first, second, third = (float(number.strip("-") or 0) for number, _ in numbers[:3])
        if found[1] == "hsl":
            red, green, blue = colorsys.hls_to_rgb(first / 360 % 1, third / 100, second / 100)
            return red * 255, green * 255, blue * 255
        scale = 2.55 if numbers[0][1] else 1.0
        return first * scale, second * scale, third * scale
    return next((_NAMES[word] for word in value.split() if word in _NAMES), None)
