"""Two hundred texts that try to become markup or script, for every field that a shop or its visitors can fill.

Each calls ``ran(<its number>)``, should a browser ever take it for code. A browser test puts HOOK into every page
before anything else and reads ``RAN`` afterwards: the numbers of those that ran. ``Skeleton`` is what a server test
compares: elements, attributes and scripts of a page, as a browser would read them, without its words.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from html.parser import HTMLParser

from django.db.models import Model
from django.utils import timezone

from coldrec.models import (
    EncoderVersion,
    Event,
    Item,
    ModelVersion,
    RejectedEvent,
    Shop,
    Slate,
    SlateItem,
    TrainingRun,
    Triple,
    Visitor,
)

HOOK = "window.ranAll = []; window.ran = number => { window.ranAll.push(number); return ''; };"
RAN = "window.ranAll"

ELEMENTS = [
    "<script>ran({n})</script>",
    "<ScRiPt >ran({n})</sCrIpT >",
    "<script src='data:text/javascript,ran({n})'></script>",
    "<script type=module>ran({n})</script>",
    "<scr<script>ipt>ran({n})</scr</script>ipt>",
    "<img src=x onerror=ran({n})>",
    "<IMG SRC=x OnErRoR = 'ran({n})'/>",
    "<img/src='x'/onerror='ran({n})'>",
    "<img src=x:x onerror\n=\nran({n})>",
    "<image src=x onerror=ran({n})>",
    "<img srcset=x onerror=ran({n})>",
    "<svg onload=ran({n})>",
    "<svg/onload=ran({n})//",
    "<svg><script>ran({n})</script></svg>",
    "<svg><script href='data:text/javascript,ran({n})'/></svg>",
    "<svg><animate onbegin=ran({n}) attributeName=x dur=1s>",
    "<svg><set attributeName=href to=javascript:ran({n}) /><a>click</a></svg>",
    "<svg><a xlink:href='javascript:ran({n})'><text y=20>click</text></a></svg>",
    "<svg><use href='data:image/svg+xml,<svg id=x onload=ran({n})/>#x'/></svg>",
    "<svg><foreignObject><body onload=ran({n})></foreignObject></svg>",
    "<math><maction actiontype=statusline xlink:href=javascript:ran({n})>click</maction></math>",
    "<math><mtext><table><mglyph><style><img src=x onerror=ran({n})>",
    "<body onload=ran({n})>",
    "<body onpageshow=ran({n})>",
    "<html onmouseover=ran({n})>",
    "<iframe src=javascript:ran({n})></iframe>",
    "<iframe srcdoc='<script>parent.ran({n})</script>'></iframe>",
    "<iframe onload=ran({n})></iframe>",
    "<frameset onload=ran({n})><frame src=x></frameset>",
    "<object data='javascript:ran({n})'></object>",
    "<object data=x onerror=ran({n})></object>",
    "<embed src='javascript:ran({n})'>",
    "<applet code=x onerror=ran({n})>",
    "<video src=x onerror=ran({n})></video>",
    "<video><source onerror=ran({n})></video>",
    "<audio src=x onerror=ran({n})></audio>",
    "<input autofocus onfocus=ran({n})>",
    "<select autofocus onfocus=ran({n})><option>1</select>",
    "<textarea autofocus onfocus=ran({n})></textarea>",
    "<button autofocus onfocus=ran({n})>1</button>",
    "<input type=image src=x onerror=ran({n})>",
    "<details open ontoggle=ran({n})><summary>1</summary></details>",
    "<dialog open onclose=ran({n})><form method=dialog><button autofocus>1</button></form></dialog>",
    "<marquee onstart=ran({n})>1</marquee>",
    "<div onpointerenter=ran({n}) style='position:fixed;inset:0'>1</div>",
    "<p tabindex=0 onfocusin=ran({n}) autofocus>1</p>",
    "<div contenteditable autofocus onfocus=ran({n})>1</div>",
    "<style>@keyframes x{{}}</style><b style='animation-name:x' onanimationstart=ran({n})>1</b>",
    "<a href=javascript:ran({n})>1</a>",
    "<a href='java&#115;cript:ran({n})'>1</a>",
    "<area shape=default href=javascript:ran({n})>",
    "<form action=javascript:ran({n})><button>1</button></form>",
    "<form><button formaction=javascript:ran({n})>1</button></form>",
    "<isindex action=javascript:ran({n}) type=submit>",
    "<base href=javascript:ran({n})//>",
    "<link rel=stylesheet href='data:text/css,*{{background:red}}' onload=ran({n})>",
    "<link rel=import href='data:text/html,<script>ran({n})</script>'>",
    "<meta http-equiv=refresh content='0;url=javascript:ran({n})'>",
    "<template shadowrootmode=open><img src=x onerror=ran({n})></template>",
    "<coldrec-widget src='data:text/html,<img src=x onerror=ran({n})>'></coldrec-widget>",
    "<x onclick=ran({n}) id=x tabindex=1>1</x>",
    "<plaintext><img src=x onerror=ran({n})>",
]
OUT_OF_SOMETHING = [
    '"><img src=x onerror=ran({n})>',
    "'><img src=x onerror=ran({n})>",
    '" autofocus onfocus=ran({n}) x="',
    "' autofocus onfocus=ran({n}) x='",
    "` autofocus onfocus=ran({n}) x=`",
    " autofocus onfocus=ran({n}) ",
    "x onmouseover=ran({n}) style=position:fixed;inset:0 ",
    '"onmouseover="ran({n})',
    '"/onmouseover="ran({n})"/x="',
    "/><script>ran({n})</script>",
    "></a></li></ul></section><script>ran({n})</script>",
    "</title><script>ran({n})</script>",
    "</textarea><script>ran({n})</script>",
    "</option></select><script>ran({n})</script>",
    "</noscript><script>ran({n})</script>",
    "<noscript><p title='</noscript><img src=x onerror=ran({n})>'>",
    "</style><script>ran({n})</script>",
    "</script><script>ran({n})</script>",
    "</script ><img src=x onerror=ran({n})>",
    '"}}</script><script>ran({n})</script><script>{{"',
    "<!--<script>",
    "<!--<img src='--><img src=x onerror=ran({n})//'>",
    "--><img src=x onerror=ran({n})><!--",
    "--!><img src=x onerror=ran({n})>",
    "]]><img src=x onerror=ran({n})>",
    "<![CDATA[<img src=x onerror=ran({n})>]]>",
    "<?xml version='1.0'?><img src=x onerror=ran({n})>",
    "<!DOCTYPE x [<!ENTITY y 'ran({n})'>]><p>&y;</p>",
    "<%= ran({n}) %>",
    "<? ran({n}) ?>",
    "'-ran({n})-'",
    '"-ran({n})-"',
    "';ran({n});//",
    '";ran({n});//',
    "\\';ran({n});//",
    '\\";ran({n});//',
    "`-ran({n})-`",
    "${{ran({n})}}",
    "');ran({n});//",
    '"]);ran({n});//',
    "\u2028ran({n})\u2029//",
    "*/ran({n})/*",
    "\nran({n})\n",
    "<math><annotation-xml encoding='text/html'><img src=x onerror=ran({n})>",
    "<table><tr><td background='javascript:ran({n})'>",
    "<select><style></select><img src=x onerror=ran({n})></style>",
    "<form id=x></form><input form=x name=action autofocus onfocus=ran({n})>",
]
ADDRESSES = [
    "javascript:ran({n})",
    "JaVaScRiPt:ran({n})",
    " javascript:ran({n})",
    "\tjavascript:ran({n})",
    "\x01javascript:ran({n})",
    "\x1fjavascript:ran({n})",
    "java\tscript:ran({n})",
    "java\nscript:ran({n})",
    "java\r\nscript:ran({n})",
    "javascript\t:ran({n})",
    "javascript://example.org/%0aran({n})",
    "javascript:/*--></title></style></textarea></script>*/ran({n})",
    "javascript:void(ran({n}))",
    "javascript&colon;ran({n})",
    "javascript&#58;ran({n})",
    "&#x6A;avascript:ran({n})",
    "&#0000106avascript:ran({n})",
    "javascript%3Aran({n})",
    "\ufeffjavascript:ran({n})",
    "\u2003javascript:ran({n})",
    "javascript\u200b:ran({n})",
    "ｊavascript:ran({n})",
    "data:text/html,<script>ran({n})</script>",
    "data:text/html;charset=utf-8,%3Cscript%3Eran({n})%3C/script%3E",
    "data:text/html;base64,PHNjcmlwdD5yYW4oMSk8L3NjcmlwdD4=#{n}",
    "DATA:text/html,<svg onload=ran({n})>",
    "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' onload='ran({n})'/>",
    "data:application/xhtml+xml,<script xmlns='http://www.w3.org/1999/xhtml'>ran({n})</script>",
    "vbscript:ran({n})",
    "livescript:ran({n})",
    "mocha:ran({n})",
    "blob:https://example.org/ran({n})",
    "filesystem:https://example.org/ran({n})",
    "view-source:javascript:ran({n})",
    "jar:javascript:ran({n})!/",
    "feed:javascript:ran({n})",
    "//evil.example/<script>ran({n})</script>",
    "https://evil.example/' onerror='ran({n})",
    'https://evil.example/" onerror="ran({n})',
    "https://evil.example/>\"'><img src=x onerror=ran({n})>",
    "?x=1 onerror=ran({n})",
    '/products/"onerror=ran({n})/',
]
STYLES = [
    "x;background:url(javascript:ran({n}))",
    "x;width:expression(ran({n}))",
    "x;behavior:url(#ran({n}))",
    "x;-moz-binding:url(data:text/xml,ran({n}))",
    "}}*{{background:url('javascript:ran({n})')}}",
    "<style>*{{background-image:url('javascript:ran({n})')}}</style>",
    "<style>@import 'javascript:ran({n})';</style>",
    "<p style=\"background:url('javascript:ran({n})')\">1</p>",
    "<link rel=stylesheet href=javascript:ran({n})>",
    "\\3c img src=x onerror=ran({n})\\3e ",
]
TEMPLATES = [
    "{{{{ 7|add:{n} }}}}<img src=x onerror=ran({n})>",
    "{{% load coldrec %}}{{% coldrec_widget 'home' %}}<img src=x onerror=ran({n})>",
    "{{% autoescape off %}}<img src=x onerror=ran({n})>{{% endautoescape %}}",
    "{{{{ request.session.items }}}} ran({n})",
    "{{# comment #}}<script>ran({n})</script>",
    "{{{{constructor.constructor('ran({n})')()}}}}",
    "#{{ran({n})}}",
    "%(name)s %s {{0}} {{n}} <img src=x onerror=ran({n})>",
    "<img src=x onerror=ran({n})> %(title)s",
]
ENCODINGS = [
    "&lt;script&gt;ran({n})&lt;/script&gt;",
    "&amp;lt;img src=x onerror=ran({n})&amp;gt;",
    "&#60;img src=x onerror=ran({n})&#62;",
    "&#x3c;img src=x onerror=ran({n})&#x3e;",
    "&#x3cimg src=x onerror=ran({n})&#x3e",
    "&quot;&gt;&lt;img src=x onerror=ran({n})&gt;",
    "%3Cimg%20src%3Dx%20onerror%3Dran({n})%3E",
    "%253Cimg%2520src%253Dx%2520onerror%253Dran({n})%253E",
    "\\u003cimg src=x onerror=ran({n})\\u003e",
    "\\x3cimg src=x onerror=ran({n})\\x3e",
    "\\074img src=x onerror=ran({n})\\076",
    "+ADw-img src=x onerror=ran({n})+AD4-",
    "&NewLine;<img src=x onerror=&#114;an({n})>",
    "<img src=x onerror=\\u0072an({n})>",
    "<img src=x onerror='&#x72;&#x61;&#x6e;({n})'>",
    "<img src=x onerror=window['ra'+'n']({n})>",
    "<img src=x onerror=ran`{n}`>",
    "<img src=x onerror=setTimeout`ran\\x28{n}\\x29`>",
]
LETTERS = [
    "\ufeff<img src=x onerror=ran({n})>",
    "\u202e<img src=x onerror=ran({n})>\u202c",
    "\u200b<\u200bimg src=x onerror=ran({n})>",
    "＜img src=x onerror=ran({n})＞",
    "‹img src=x onerror=ran({n})›",
    "<ımg src=x onerror=ran({n})>",
    "<ſcript>ran({n})</ſcript>",
    "<img\u2028src=x\u2029onerror=ran({n})>",
    "<img\x0csrc=x\x0conerror=ran({n})>",
    "<img\x0bsrc=x onerror=ran({n})>",
    "<\u0301img src=x onerror=ran({n})>",
    "茶壶<img src=x onerror=ran({n})>茶",
]
FAMILIES = [ELEMENTS, OUT_OF_SOMETHING, ADDRESSES, STYLES, TEMPLATES, ENCODINGS, LETTERS]


def payloads() -> tuple[str, ...]:
    """All of them, in a fixed order; number n calls ``ran(n)``."""
    texts = [text for family in FAMILIES for text in family]
    return tuple(text.format(n=number) for number, text in enumerate(texts))


def harmless() -> tuple[str, ...]:
    """As many texts that try nothing, to see what a page looks like with just words in it."""
    return tuple(f"plain words {number}" for number in range(len(payloads())))


def unescaped(text: str) -> str:
    """A page that escapes nothing: in Chromium some eighty of the texts run on theirs, before anybody clicks."""
    return (
        f'<!doctype html><ul><li title="{text}">{text}</li></ul><a href="{text}"><img src="{text}" alt=""></a>'
        f"<script>var one = '{text}', other = \"{text}\";</script>"
    )


def fitting(model: type[Model], field: str, text: str) -> str:
    """The text as long as the column can take it."""
    return text[: model._meta.get_field(field).max_length or None]


class Skeleton(HTMLParser):
    """The elements of a page with the names of their attributes, in order; scripts and styles with their text."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, tuple[str, ...]]] = []
        self.addresses: list[str] = []
        self.text = ""
        self.others: list[str] = []  # comments, declarations, processing instructions
        self._inside = ""
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in BREAKS or attrs:
            self.elements.append((tag, tuple(sorted(name for name, _value in attrs))))
        self.addresses += [value or "" for name, value in attrs if name in ADDRESS_ATTRIBUTES]
        self._inside = tag if tag in self.CDATA_CONTENT_ELEMENTS else ""

    def handle_endtag(self, tag: str) -> None:
        self.elements.append((f"/{tag}", ()))
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.others.append(data)
        else:
            self.text += data

    def handle_comment(self, data: str) -> None:
        self.others.append(data)

    handle_decl = handle_pi = unknown_decl = handle_comment

    @property
    def kinds(self) -> set[tuple[str, str]]:
        return {(tag, name) for tag, names in self.elements for name in (*names, "")}

    @property
    def runnable(self) -> Counter[str]:
        """Elements that can run or load code by being there."""
        return Counter(tag for tag, _names in self.elements if tag in RUNNABLE)


ADDRESS_ATTRIBUTES = {"href", "src", "action", "formaction", "data", "xlink:href", "srcset", "poster", "background"}
BREAKS = {"br", "wbr"}  # where a text has its own, or is long
RUNNABLE = {"script", "style", "iframe", "object", "embed", "base", "meta", "link", "svg", "math", "form", "template"}
SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):")


def is_followable(address: str) -> bool:
    """Whether a page may lead there, or show it: only over HTTP or within the shop."""
    plain = "".join(letter for letter in address if letter > " ").lower()
    scheme = SCHEME.match(plain)
    return scheme is None or scheme[1] in ("http", "https", "mailto")


def same_but_for_words(page: str, plain: str) -> list[str]:
    """How a page with payloads in its words differs from the same with plain words, other than in them."""
    one, other = Skeleton(page), Skeleton(plain)
    found = [f"{a} instead of {b}" for a, b in zip(one.elements, other.elements, strict=False) if a != b][:1]
    if len(one.elements) != len(other.elements):
        found.append(f"{len(one.elements)} tags instead of {len(other.elements)}")
    if len(one.others) != len(other.others):
        found.append(f"comments or scripts: {set(one.others) - set(other.others)}")
    return found + unfollowable(one)


def nothing_new(page: str, plain: str) -> list[str]:
    """What a page has that the plain one has not: for payloads in addresses, which may be left out."""
    one, other = Skeleton(page), Skeleton(plain)
    found = [f"new: {kind}" for kind in sorted(one.kinds - other.kinds)]
    if one.runnable - other.runnable:
        found.append(f"more of {one.runnable - other.runnable}")
    return found + unfollowable(one)


def unfollowable(page: Skeleton) -> list[str]:
    return [f"leads to {address!r}" for address in page.addresses if not is_followable(address)]


# Rows full of them


def plant(shop: Shop, texts: Sequence[str], *, addresses: Sequence[str] = ()) -> None:
    """A row of every table for each text, with the text wherever somebody else's words can come to stand.

    Items have the texts for words and good addresses, or with ``addresses`` plain words and these for addresses.
    """
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    words = list(texts) if not addresses else [f"tea pot {number}" for number in range(len(addresses))]
    items, visitors, events, rejected, slates, shown, triples, runs, encoders, versions = ([] for _ in range(10))
    for number, text in enumerate(words):
        own = f"{text[:58]}{number}"  # where it must be unique and short
        items.append(
            Item(
                shop=shop,
                external_id=text,
                title=text,
                text=text,
                brand=text,
                category=[text, text],
                attributes={text: text, "list": [text]},
                price=Decimal("12.90"),
                currency=text[:3],
                url=addresses[number] if addresses else f"/products/{number}/",
                image_url=addresses[number] if addresses else f"/media/{number}.jpg",
                first_seen=now,
                updated_at=now,
            )
        )
        visitors.append(Visitor(shop=shop, key=own, channel=fitting(Visitor, "channel", text)))
        about = {"shop": shop, "visitor": visitors[-1], "occurred_at": now}
        events.append(Event(event_id=f"{own}s", kind="search", query=text, **about))
        events.append(Event(event_id=f"{own}v", kind="view", item_id=text, currency=text[:3], **about))
        rejected.append(
            RejectedEvent(
                shop=shop, body=text, code=fitting(RejectedEvent, "code", text), reason=text, source=text, visitor=None
            )
        )
        slates.append(
            Slate(
                shop=shop,
                placement=fitting(Slate, "placement", text),
                policy=fitting(Slate, "policy", text),
                level="popular",
                visitor=visitors[-1],
                context={"seeds": [text], "category": [text], "history": 1, text: text},
                created_at=now,
            )
        )
        shown.append(
            SlateItem(
                slate=slates[-1],
                shop=shop,
                item_id=text,
                position=1,
                score=1.0,
                level="popular",
                reason={"kind": text, "evidence": [text]},
            )
        )
        triples.append(Triple(shop=shop, head=text, relation=fitting(Triple, "relation", text), tail=text))
        runs.append(TrainingRun(shop=shop, state="failed", error=text, config={text: text}, progress=text))
        encoders.append(
            EncoderVersion(
                shop=shop,
                number=number + 1,
                origin="trained",
                source=text,
                fingerprint=own,
                dims=8,
                path=text,
                card={text: text},
                metrics={text: {text: text}},
                refusal=text,
            )
        )
        versions.append(
            ModelVersion(
                shop=shop, number=number + 1, path=text, digest=own, metrics={text: 0.5, "cold": 0.3}, refusal=text
            )
        )
    for rows in (items, visitors, events, rejected, slates, shown, triples, runs, encoders, versions):
        type(rows[0]).objects.bulk_create(rows)


def looked(shop: Shop, texts: Sequence[str], *, kind: str = "view", key: str = "looker") -> Visitor:
    """Somebody who has looked at the items of these names, searched for them, and disliked the last.

    Their only slate shows the items, each because of the next.
    """
    visitor = Visitor.objects.create(shop=shop, key=key, channel=fitting(Visitor, "channel", texts[0]))
    now = timezone.now()
    Event.objects.bulk_create(
        Event(
            shop=shop,
            visitor=visitor,
            event_id=f"{key}-{number}",
            kind="dislike" if text == texts[-1] else kind,
            item_id=text,
            query=text,
            occurred_at=now - timedelta(minutes=number),
        )
        for number, text in enumerate(texts)
    )
    slate = Slate.objects.create(
        shop=shop, placement="home", policy="x", level="session", visitor=visitor, created_at=now
    )
    SlateItem.objects.bulk_create(
        SlateItem(
            slate=slate,
            shop=shop,
            item_id=text,
            position=number,
            score=1.0,
            level="session",
            reason={"kind": "because", "evidence": [texts[number % len(texts)]]},
        )
        for number, text in enumerate(texts, start=1)
    )
    return visitor
