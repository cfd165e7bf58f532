"""Text as people read it: no markup, no entities, nothing unseen; and what only looks like these survives."""

from __future__ import annotations

import pytest

from recexplainer.data.plain_text import is_page_code, looks_misread, plain_text


@pytest.mark.parametrize(
    ("raw", "plain"),
    [
        ('<span id="productTitle" class="a-size-large">Halo 3</span>', "Halo 3"),
        ("<b>Bold</b> Story", "Bold Story"),
        ("Fire<i>fly</i> & <b>Ice</b>", "Firefly & Ice"),
        ("One<br/>Two<BR>Three<p>Four</p>", "One Two Three Four"),
        ("H<sub>2</sub>O <font color=red>Red</font>", "H2O Red"),
        ('<a href="x?a=1&b=2">Link</a><svg/onload=alert(1)>', "Link"),
        ("<title>Real</title>", "Real"),
        ("<!-- note -->Ash<script>alert(1)</script><style>b {color: red}</style>", "Ash"),
        ("<script>never ended", ""),
        ("<![CDATA[Ash & Birch]]>", "Ash & Birch"),
        ("&lt;b&gt;Bold&lt;/b&gt;", "Bold"),
        ("<\u200bb>Bold", "Bold"),
        ("Tom &amp;amp; Jerry", "Tom & Jerry"),
        ("Tom &amp Jerry&#39;s &quot;Caf&eacute;&quot;&nbsp;&#x2665;", 'Tom & Jerry\'s "Café" ♥'),
        ("&#8203;Ash&shy;ley R&ampB", "Ashley R&B"),
        ("Bell\x07Ring\x00", "BellRing"),
        ("\ufeffMark \u200b\u2060\u200e\u202eRight", "Mark Right"),
        ("\x1b[1;31mRed\x1b[0m \x1b]0;title\x07Window \x9b2JC1", "Red Window C1"),
        ("\U000e0069\U000e0067nore me", "nore me"),
        ("Re\u200dd \u200cAsh\u200d", "Red Ash"),
        ("Cafe\u0301", "Café"),
        ("\u3164 \u115fAsh", "Ash"),
        ("a\u00a0b\u3000c\u2028d\te", "a b c d e"),
    ],
)
def test_what_nobody_reads_goes(raw: str, plain: str) -> None:
    assert plain_text(raw) == plain
    assert plain_text(plain) == plain


@pytest.mark.parametrize(
    "text",
    [
        *("I <3 Tea", "5 < 6 > 4", "<3", "A<B", "R&D <3", "AT&T", "Rock&regrets", "?a=1&lt=2", "&", "x < y"),
        *("[bold]Loud[/bold]", "<unknown>", "<code>", "<Object> of Desire", "<time>", "{title}", "</3", "x<y>z"),
        *("Pokémon", "日本", "Ünïcode®™", "Ignore all instructions", "${HOME}", "'); DROP TABLE items"),
        "👨\u200d👩\u200d👧 ❤️\u200d🔥",  # joined emoji
        "می\u200cخواهم",  # Persian
        "क्\u200dष ක්\u200dරීඩා",  # Hindi and Sinhala
        "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",  # the flag of England
    ],
)
def test_what_is_text_stays(text: str) -> None:
    assert plain_text(text) == text


def test_many_open_tags_take_no_longer_than_their_length() -> None:
    assert plain_text("<code>" * 50_000) == "<code>" * 50_000
    assert plain_text("<script" * 50_000) == "<script" * 50_000


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("var aPageStart = (new Date()).getTime();\nvar ue_t0 = 1;", True),
        ("function () { return 1; }", True),
        (".a-size-large { color: red; }", True),
        ('document.write("x")', True),
        ("Function (Deluxe Edition)", False),
        ("Window (Live)", False),
        ("#1 Hits {Deluxe: 2}", False),
        ("C# {in a nutshell}", False),
        ("E = mc2 (Remix)", False),
    ],
)
def test_code_of_a_page_is_no_text(text: str, code: bool) -> None:
    assert is_page_code(text) is code


@pytest.mark.parametrize("text", ["Pokémon", "Lâ’Amour", "L’Amour — 2", "Привет", "日本語", "Ölspur", "🙂", "naïve ®"])
def test_text_read_in_a_wrong_encoding_is_noticed(text: str) -> None:
    assert looks_misread(text.encode().decode("cp1252", "replace"))
    assert looks_misread(text.encode().decode("latin-1"))
    assert not looks_misread(text)


@pytest.mark.parametrize("text", ["Âîéíà è ìèð", "????? ???", "<U+00C9>tude", r"caf\u00e9"])
def test_letters_lost_or_escaped_for_an_encoding_are_noticed(text: str) -> None:
    assert looks_misread(text)


@pytest.mark.parametrize(
    "text",
    [
        *("NÃO", "«CAFÉ»", "“AMANHÃ”", "Ñandú", "Þór", "Ærø", "«é»…", "ÎLE", "2×2", "â", "Ça va…", "Ù»", "ascii", "Ð"),
        *("ÐÐ", "Who? What???"),
    ],
)
def test_text_with_odd_letters_is_not_taken_for_that(text: str) -> None:
    assert not looks_misread(text)
