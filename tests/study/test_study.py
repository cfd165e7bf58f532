# pyright: reportUnknownLambdaType=false
from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from tests.tiny import complete
from typer.testing import CliRunner

from recexplainer.cli import study as command
from recexplainer.errors import DataError, RunError
from recexplainer.explanations.record import Explanation, Method
from recexplainer.pipeline.layout import RunLayout, write_explanations
from recexplainer.study.agreement import agreement_rows
from recexplainer.study.packet import (
    HumanRating,
    KeyEntry,
    export_study,
    human_rows,
    import_study,
    ratings_by_rater,
    read_ratings,
    write_ratings,
)

RUBRIC = (
    "Wrong decision: the text decides other than the recommender, or not at all.",
    "Right decision, insufficient reasons: hardly any, off the point, or partly untrue.",
    "Right decision, acceptable reasons: they fit history and item, but tell little or do not quite convince.",
    "Right decision, satisfying reasons: what runs through the history, weighed with care against the item.",
)
TITLES = (
    "Lantern Keep: The Drowned Stair",
    "Orbit Pocket Console (Slate)",
    "Marrow & Thistle; deluxe",
    "Velvet Circuit 2",
)
METHODS = (Method("behavior"), Method("hybrid", "grounded"), Method("unaligned"))
BEHAVIOR, GROUNDED, UNALIGNED = METHODS
STAGES = {
    BEHAVIOR: "explanations-behavior-self_attribution",
    GROUNDED: "explanations-hybrid-grounded",
    UNALIGNED: "explanations-unaligned-direct",
}


def explanation(method: Any, number: Any, **changes: Any) -> Any:
    made = Explanation(
        method=method.name,
        variant=method.variant,
        user=f"A2X{number:03d}",
        history=(0, 1, 2, 3),
        history_titles=TITLES,
        item=7 + number,
        item_title=f"Lantern Keep, part {number}",
        verdict=True,
        probability=0.9,
        text=f"I would recommend it: voice {METHODS.index(method)} finds that “{TITLES[0]}” leads to part {number}.",
        citations=(),
        recommended=number % 2 == 0,
        score=1.0,
        rank=number + 1,
        n_ranked=900,
        attributions=(),
    )
    return replace(made, **changes)


def explained(cases: Any = 6) -> Any:
    return {method: [explanation(method, number) for number in range(cases)] for method in METHODS}


def table(folder: Path) -> Any:
    text = (folder / "packet.csv").read_text(encoding="utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def write_table(path: Path, records: Any, delimiter: Any = ",", ends: Any = "\r\n", encoding: Any = "utf-8") -> Any:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(records[0]), delimiter=delimiter, lineterminator=ends, quoting=csv.QUOTE_ALL)
    writer.writeheader()
    writer.writerows(records)
    path.write_bytes(text.getvalue().encode(encoding))
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Any:
    export_study(explained(), tmp_path / "study", RUBRIC, cases=4)
    return tmp_path / "study"


def test_every_method_explains_the_same_drawn_cases(tmp_path: Path) -> None:
    key = export_study(explained(30), tmp_path, RUBRIC, cases=12, seed=3)
    of = {
        method: [(one.user, one.item) for one in key.entries if Method(one.method, one.variant) == method]
        for method in METHODS
    }
    assert of[BEHAVIOR] == of[GROUNDED] == of[UNALIGNED]
    assert len(set(of[BEHAVIOR])) == 12
    assert json.loads((tmp_path / "key.json").read_text())["packet"] == key.packet
    assert sorted(path.name for path in tmp_path.iterdir()) == ["key.json", "packet.csv", "packet.html"]


def test_seeds_repeat_and_differ(tmp_path: Path) -> None:
    first, again, other = (
        export_study(explained(30), tmp_path / name, RUBRIC, cases=9, seed=seed)
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    )
    assert first == again
    assert (tmp_path / "a/packet.html").read_bytes() == (tmp_path / "b/packet.html").read_bytes()
    assert first.packet != other.packet
    assert {one.id for one in first.entries}.isdisjoint(one.id for one in other.entries)


def test_fewer_cases_than_asked_for_are_all_taken(tmp_path: Path) -> None:
    shorter = {**explained(5), BEHAVIOR: explained(3)[BEHAVIOR]}
    assert len(export_study(shorter, tmp_path, RUBRIC).entries) == 3 * len(METHODS)


def test_nothing_in_the_packet_tells_the_method(folder: Path) -> None:
    packet = (folder / "packet.csv").read_text() + (folder / "packet.html").read_text()
    for betrayal in ("behavior", "hybrid", "unaligned", "grounded", "A2X"):
        assert betrayal not in packet
    assert "Not for raters" in (folder / "key.json").read_text()
    assert all(len(record["id"]) == 15 and record["id"][0] == "x" for record in table(folder))


def test_the_order_is_mixed(tmp_path: Path) -> None:
    key = export_study(explained(40), tmp_path, RUBRIC, cases=40)
    method_of = {one.id: Method(one.method, one.variant) for one in key.entries}
    order = [method_of[record["id"]] for record in table(tmp_path)]
    changes = sum(one != other for one, other in pairwise(order))
    assert 60 < changes < 100  # 80 of 119 are expected of three methods at random
    for third in (order[:40], order[40:80], order[80:]):
        assert all(5 < third.count(method) < 22 for method in METHODS)


def test_the_table_holds_what_a_rater_needs(folder: Path) -> None:
    entries = {one["id"]: one for one in json.loads((folder / "key.json").read_text())["entries"]}
    for record in table(folder):
        one = entries[record["id"]]
        number = one["item"] - 7
        assert record["label"] == ("Yes" if number % 2 == 0 else "No")
        assert record["item"] == f"Lantern Keep, part {number}"
        assert record["explanation"] == explanation(Method(one["method"], one["variant"]), number).text
        assert record["history"] == "\n".join(f"{place}. {title}" for place, title in enumerate(TITLES, 1))
        assert record["rating"] == record["comment"] == record["rater"] == ""


def test_a_spreadsheet_takes_no_text_for_a_formula(tmp_path: Path) -> None:
    bad = {UNALIGNED: [explanation(UNALIGNED, 0, text='=HYPERLINK("x")', item_title="-1 Day")]}
    export_study(bad, tmp_path, RUBRIC)
    (record,) = table(tmp_path)
    assert record["explanation"] == '\'=HYPERLINK("x")'
    assert record["item"] == "'-1 Day"


def test_text_cannot_break_out_of_the_page(tmp_path: Path) -> None:
    text = "</script><script>alert(1)</script><!-- & \u2028"
    export_study({UNALIGNED: [explanation(UNALIGNED, 0, text=text)]}, tmp_path, [*RUBRIC[:3], "<b>bold</b>"])
    page = (tmp_path / "packet.html").read_text()
    assert page.count("</script>") == 2
    assert "&lt;b&gt;bold" in page
    assert "http://" not in page and "https://" not in page
    held = page.partition('id="packet">')[2].partition("</script>")[0]
    assert json.loads(held)["entries"][0]["explanation"] == text


@pytest.mark.parametrize(
    ("explanations", "message"),
    [
        ({}, "No case"),
        ({BEHAVIOR: []}, "No case"),
        ({BEHAVIOR: [explanation(BEHAVIOR, 0)], UNALIGNED: [explanation(UNALIGNED, 1)]}, "No case"),
        ({BEHAVIOR: [explanation(BEHAVIOR, 0)] * 2}, "twice"),
        ({m: [explanation(m, 0, recommended=m == UNALIGNED)] for m in METHODS}, "differ"),
        ({m: [explanation(m, 0, history_titles=(m.name,))] for m in METHODS}, "differ"),
    ],
)
def test_explanations_that_make_no_study_are_refused(tmp_path: Path, explanations: Any, message: Any) -> None:
    with pytest.raises(DataError, match=message) as error:
        export_study(explanations, tmp_path, RUBRIC)
    assert error.value.location
    assert error.value.hint
    assert not list(tmp_path.iterdir())


def test_arguments_out_of_bounds_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="4 lines"):
        export_study(explained(), tmp_path, RUBRIC[:3])
    with pytest.raises(ValueError, match="0 cases"):
        export_study(explained(), tmp_path, RUBRIC, cases=0)


def test_the_key_of_another_packet_is_not_lost(folder: Path) -> None:
    kept = (folder / "key.json").read_bytes()
    with pytest.raises(RunError, match="another packet"):
        export_study(explained(), folder, RUBRIC, cases=4, seed=5)
    assert (folder / "key.json").read_bytes() == kept
    export_study(explained(), folder, RUBRIC, cases=4)
    assert (folder / "key.json").read_bytes() == kept


@pytest.mark.parametrize(
    ("delimiter", "ends", "encoding"), [(",", "\n", "utf-8"), (";", "\r\n", "utf-8-sig"), ("\t", "\r", "utf-8-sig")]
)
def test_a_table_comes_back_from_a_spreadsheet(
    folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, delimiter: Any, ends: Any, encoding: Any
) -> None:
    caplog.set_level("INFO", "recexplainer")
    records = table(folder)
    for place, record in enumerate(records[:-2]):
        record |= {"rating": str(place % 4), "comment": 'Zu "knapp"; naja, 2. Zeile\nfehlt — ü'}
    records.insert(3, dict.fromkeys(records[0], ""))
    records.reverse()
    path = write_table(tmp_path / "Zoë.csv", records, delimiter, ends, encoding)
    ratings = import_study(folder, [path])
    key = json.loads((folder / "key.json").read_text())["entries"]
    assert [(one.method, one.user, one.item) for one in ratings] == [(k["method"], k["user"], k["item"]) for k in key]
    given = {record["id"]: record["rating"] for record in records}
    assert [one.rating for one in ratings] == [int(given[k["id"]]) if given[k["id"]] else None for k in key]
    assert {one.comment for one in ratings} == {'Zu "knapp"; naja, 2. Zeile\nfehlt — ü', ""}
    assert {one.rater for one in ratings} == {"Zoë"}
    assert "Zoë: 10 of 12 rated" in caplog.text


def saved(folder: Path, **changes: Any) -> Any:
    key = json.loads((folder / "key.json").read_text())
    lines = [{"id": one["id"], "rating": place % 4, "comment": ""} for place, one in enumerate(key["entries"])]
    return {"packet": key["packet"], "rater": "Ann", "ratings": lines} | changes


def write_saved(path: Path, value: Any) -> Any:
    path.write_text(json.dumps(value), encoding="utf-8")
    return path


def test_a_saved_file_comes_back_and_the_rest_is_not_rated(
    folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "recexplainer")
    value = saved(folder)
    value["ratings"] = value["ratings"][:5]
    value["ratings"][2] |= {"rating": None, "comment": "?"}
    ratings = import_study(folder, [write_saved(tmp_path / "one.json", value)])
    assert [one.rating for one in ratings] == [0, 1, None, 3, 0] + [None] * 7
    assert [one.comment for one in ratings] == ["", "", "?"] + [""] * 9
    assert {one.rater for one in ratings} == {"Ann"}
    assert "Ann: 4 of 12 rated" in caplog.text


def test_ratings_are_kept_and_read_again(folder: Path, tmp_path: Path) -> None:
    ratings = import_study(folder, [write_saved(tmp_path / "one.json", saved(folder))])
    write_ratings(tmp_path / "run/study/ratings.json", ratings)
    assert read_ratings(tmp_path / "run/study/ratings.json") == ratings
    (tmp_path / "other.json").write_text('[{"rater": 3}]')
    with pytest.raises(RunError, match="cannot be understood"):
        read_ratings(tmp_path / "other.json")


def changed(place: Any, **changes: Any) -> Any:
    def change(value: Any) -> Any:
        value["ratings"][place] |= changes
        return value

    return change


@pytest.mark.parametrize(
    ("change", "message", "row"),
    [
        (changed(2, id="x00"), "no entry 'x00'", ", row 3"),
        (lambda value: value | {"ratings": [value["ratings"][0]] * 2}, "there twice", ", row 2"),
        (changed(1, rating=4), "4 is no rating", ", row 2"),
        (changed(1, rating=-1), "-1 is no rating", ", row 2"),
        (changed(1, rating=True), "True is no rating", ", row 2"),
        (changed(1, rating=2.5), "2.5 is no rating", ", row 2"),
        (changed(1, rating="2"), "'2' is no rating", ", row 2"),
        (changed(4, comment=3), "ratings.4.comment", ", row 5"),
        (lambda value: value | {"ratings": [{"id": "x"}]}, "ratings.0.rating", ", row 1"),
        (lambda value: value | {"packet": "p00"}, "packet 'p00'", ""),
        (lambda value: {"packet": value["packet"]}, "rater", ""),
        (lambda value: [], "The file", ""),
    ],
)
def test_a_saved_file_that_cannot_be_right_is_refused(
    folder: Path, tmp_path: Path, change: Any, message: Any, row: Any
) -> None:
    path = write_saved(tmp_path / "one.json", change(saved(folder)))
    with pytest.raises(DataError, match=message) as error:
        import_study(folder, [path])
    assert error.value.location == f"{path}{row}"
    assert error.value.hint


@pytest.mark.parametrize(
    ("change", "message", "row"),
    [
        (lambda records: records[1].update(rating="5"), "'5' is no rating", ", row 3"),
        (lambda records: records[1].update(rating="good"), "'good' is no rating", ", row 3"),
        (lambda records: records[1].update(id=records[0]["id"]), "there twice", ", row 3"),
        (lambda records: records[1].update(id="1E+14"), "no entry", ", row 3"),
        (lambda records: [record.pop("packet") for record in records], "no column 'packet'", ", row 1"),
        (lambda records: [record.update(packet="") for record in records], "packet ''", ""),
        (lambda records: records[1].update(packet="p00"), "'packet' holds", ""),
        (lambda records: (records[0].update(rater="Ann"), records[1].update(rater="Bob")), "'Ann' and 'Bob'", ""),
    ],
)
def test_a_table_that_cannot_be_right_is_refused(
    folder: Path, tmp_path: Path, change: Any, message: Any, row: Any
) -> None:
    records = table(folder)
    change(records)
    path = write_table(tmp_path / "one.csv", records)
    with pytest.raises(DataError, match=message) as error:
        import_study(folder, [path])
    assert error.value.location == f"{path}{row}"
    assert error.value.hint


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("one.json", b"{", "not JSON"),
        ("one.csv", "id;rating\nü;3".encode("cp1252"), "not UTF-8"),
        ("one.csv", b"", "no column 'id'"),
        ("one.csv", b'id,rating,comment,rater,packet\n"x', "not a CSV table"),
        ("one.csv", b"id,rating,comment,rater,packet\nx,1,,", "4 cells, not 5"),
        ("one.xlsx", b"PK", "CSV or JSON"),
    ],
)
def test_files_of_another_kind_are_refused(folder: Path, tmp_path: Path, name: Any, content: Any, message: Any) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message) as error:
        import_study(folder, [tmp_path / name])
    assert str(tmp_path / name) in error.value.location


def test_a_missing_file_and_a_missing_key_are_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        import_study(folder, [tmp_path / "none.csv"])
    with pytest.raises(RunError, match="missing") as error:
        import_study(tmp_path, [])
    assert error.value.location == str(tmp_path / "key.json")


def test_two_files_of_one_rater_are_refused(folder: Path, tmp_path: Path) -> None:
    files = [write_saved(tmp_path / name, saved(folder)) for name in ("one.json", "two.json")]
    with pytest.raises(DataError, match=r"one\.json is of the rater 'Ann' too"):
        import_study(folder, files)


def rating(rater: Any, method: Any, item: Any, value: Any) -> Any:
    return HumanRating(rater, method, "", "u", item, value, "")


def test_rows_by_hand() -> None:
    ratings = [
        *(rating("ann", "hybrid", item, value) for item, value in enumerate([3, 0, 2, None])),
        *(rating("bob", "hybrid", item, value) for item, value in enumerate([2, 0, None, None])),
    ]
    rows: dict[str, Any] = {row.metric: row for row in human_rows(ratings)}
    assert {(row.method, row.task, row.rater) for row in rows.values()} == {("hybrid", "explanation", "people")}
    assert rows["rating"].value == pytest.approx((2.5 + 0 + 2) / 3)
    shares = [rows[f"rating_{level}"].value for level in range(4)]
    assert shares == pytest.approx([1 / 3, 0, (0.5 + 1) / 3, 0.5 / 3])
    assert rows["rating_of_correct"].value == pytest.approx((2.5 + 2) / 2)
    assert rows["rated_share"].value == pytest.approx((1 + 1 + 0.5 + 0) / 4)
    assert [rows[f"{name}"].cases for name in ("rating", "rating_of_correct", "rated_share")] == [3, 2, 4]
    assert 0 <= rows["rating"].low < rows["rating"].high <= 2.5


def test_rows_of_nothing_rated() -> None:
    assert human_rows([]) == []
    rows = {row.metric: (row.value, row.cases) for row in human_rows([rating("ann", "hybrid", 0, None)])}
    assert rows.pop("rated_share") == (0.0, 1)
    assert set(rows.values()) == {(None, 0)}


def test_rows_of_ratings_all_wrong() -> None:
    rows = {row.metric: row.value for row in human_rows([rating("ann", "hybrid", 0, 0)])}
    assert rows["rating"] == 0
    assert rows["rating_of_correct"] is None


def test_ratings_go_to_agreement_by_case(folder: Path, tmp_path: Path) -> None:
    files = [write_saved(tmp_path / f"{name}.json", saved(folder, rater=name)) for name in ("Ann", "Bob")]
    by_rater = ratings_by_rater(import_study(folder, files))
    assert list(by_rater) == ["Ann", "Bob"]
    assert len(by_rater["Ann"]) == 12
    found = {(row.method, row.metric): (row.value, row.cases) for row in agreement_rows(by_rater)}
    assert found["Ann × Bob", "kappa"] == (pytest.approx(1), 12)


def test_key_entries_stand_in_the_order_of_methods(tmp_path: Path) -> None:
    key = export_study(explained(3), tmp_path, RUBRIC)
    assert [Method(one.method, one.variant) for one in key.entries] == [method for method in METHODS for _ in range(3)]
    assert isinstance(key.entries[0], KeyEntry)


@pytest.mark.slow  # loads torch
def test_the_commands_write_a_study_and_read_it(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    RunLayout(run).write_version()
    RunLayout(run).recipe.write_text("{name: run, forms: [behavior, hybrid]}")
    left_by_a_recipe_before = {Method("gpt"): [explanation(UNALIGNED, 99)]}
    for method, each in (explained() | left_by_a_recipe_before).items():
        folder = complete(run / STAGES.get(method, f"explanations-{method}"))
        write_explanations(folder / RunLayout.CASE_EXPLANATIONS, each)
    at = ["--folder", str(tmp_path / "study")]
    done = CliRunner().invoke(command.study, ["export", str(run), *at, "--cases", "4"])
    assert done.exit_code == 0
    assert "4 cases, 3 methods: 12 explanations to rate" in done.stdout
    files = [write_saved(tmp_path / f"{name}.json", saved(tmp_path / "study", rater=name)) for name in ("Ann", "Bob")]
    done = CliRunner().invoke(command.study, ["import", str(run), *map(str, files), *at])
    assert done.exit_code == 0
    assert "people" in done.stdout and "hybrid" in done.stdout  # headings are broken on a narrow terminal
    assert "kappa" in done.stdout and "ordinal" in done.stdout
    assert len(read_ratings(run / "study/ratings.json")) == 24


@pytest.mark.slow
def test_the_page_rates_keeps_saves_and_loads(browser: Any, folder: Path, tmp_path: Path) -> None:
    asked, errors = [], []
    context = browser.new_context(offline=True)
    page = context.new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.goto((folder / "packet.html").as_uri())
    records = table(folder)
    assert page.inner_text("#explanation") == records[0]["explanation"]
    assert page.locator("#history li").all_inner_texts() == list(TITLES)
    assert page.locator(".level span").all_inner_texts() == list(RUBRIC)

    page.keyboard.press("3")
    page.keyboard.press("ArrowRight")
    assert page.inner_text("#place") == "Explanation 2 of 12"
    page.keyboard.press("1")
    page.keyboard.press("ArrowRight")
    page.locator("input[name=rating][value='0']").check(force=True)
    page.keyboard.press("ArrowLeft")
    page.fill("#comment", 'Zu "knapp", 3 Zeilen')
    page.locator("#comment").press("2")  # is text, not a rating
    page.click("#unrated")
    assert page.inner_text("#place") == "Explanation 4 of 12"
    assert page.inner_text("#progress-text") == "3 of 12 rated"

    page.reload()
    assert page.inner_text("#place") == "Explanation 4 of 12"
    assert page.inner_text("#progress-text") == "3 of 12 rated"
    page.click("#save-json")
    assert "Write your name first" in page.inner_text("#message")
    page.fill("#rater", "Zoë Q.")
    files = {}
    for kind in ("json", "csv"):
        with page.expect_download() as download:
            page.click(f"#save-{kind}")
        files[kind] = tmp_path / download.value.suggested_filename
        download.value.save_as(files[kind])
    assert files["csv"].name == "ratings-Zoë-Q-.csv"

    by_json, by_csv = (import_study(folder, [files[kind]]) for kind in ("json", "csv"))
    assert by_json == by_csv
    assert {one.rater for one in by_json} == {"Zoë Q."}
    entries = {one["id"]: place for place, one in enumerate(json.loads((folder / "key.json").read_text())["entries"])}
    first = [by_json[entries[record["id"]]] for record in records]
    assert [one.rating for one in first] == [3, 1, 0] + [None] * 9
    assert [one.comment for one in first][:3] == ["", 'Zu "knapp", 3 Zeilen2', ""]

    elsewhere = browser.new_context(offline=True).new_page()
    elsewhere.goto((folder / "packet.html").as_uri())
    assert elsewhere.inner_text("#progress-text") == "0 of 12 rated"
    other = write_saved(tmp_path / "other.json", saved(folder, packet="p00"))
    elsewhere.set_input_files("#load", other)
    elsewhere.locator("#message", has_text="another packet").wait_for()  # a function would need what the page forbids
    elsewhere.set_input_files("#load", files["json"])
    elsewhere.locator("#progress-text", has_text="3 of 12 rated").wait_for()
    assert elsewhere.input_value("#rater") == "Zoë Q."
    assert errors == []
    assert all(url.startswith(("file:", "blob:")) for url in asked)


@pytest.mark.slow
@pytest.mark.parametrize("width", [400, 1200])
def test_the_page_never_scrolls_sideways(browser: Any, tmp_path: Path, width: Any) -> None:
    long = "Ein" + "langer" * 30 + "titel"
    export_study({UNALIGNED: [explanation(UNALIGNED, 0, item_title=long, text=long)]}, tmp_path, RUBRIC)
    page = browser.new_page(viewport={"width": width, "height": 800})
    page.goto((tmp_path / "packet.html").as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") == width
