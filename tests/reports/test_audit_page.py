"""The pages of audits: what is shown where something is not measured, and of what is supported."""

from __future__ import annotations

from tests.audit.recommenders import DATE, SETTINGS, audit_of_rule, random_by, shop

from recexplainer.audit.audit import audit
from recexplainer.reports.audit_page import audit_page


def test_the_page_begins_with_the_rule_that_was_found() -> None:
    page = audit_page(audit_of_rule("same_brand"))
    assert '<p class="lead">Brands decide.' in page
    assert page.count('class="stacked"') == 3  # all users, and those with short and with long histories
    assert "stays with any history" in page and "needed at least 80%" in page


def test_what_was_not_measured_is_said_with_the_reason() -> None:
    fixed = random_by(lambda user: user.id, answers_changed=False)
    page = audit_page(audit(shop(), fixed, SETTINGS, name="<fixed>", date=DATE))
    assert "What decides the lists could not be asked." in page
    assert "How stable reasons are was not measured" in page
    assert "cannot answer for a changed history" in page
    assert "&lt;fixed&gt;" in page and "<fixed>" not in page
