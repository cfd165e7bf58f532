"""What every reader must do. Inherit, and supply the fixture `published`: the shop of the tests in that format."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from tests.data.readers.published import CLEAN, HISTORIES, Published, put

from recexplainer.data.dataset import ITEM_COLUMNS, Dataset
from recexplainer.data.readers import all_readers, read_folder
from recexplainer.errors import DataError


def everything(dataset: Dataset) -> tuple[object, ...]:
    """All that a Dataset holds, but its name."""
    arrays = (dataset.offsets.tolist(), dataset.sequence.tolist())
    return (dataset.items.to_dicts(), dataset.user_ids, *arrays, dataset.notes)


class ReaderContract:
    """Suite for a reader of a format that holds histories and titles."""

    @pytest.fixture
    def published(self) -> Published:
        raise NotImplementedError("supply the shop in the format under test")

    @pytest.fixture
    def folder(self, published: Published, tmp_path: Path) -> Path:
        return put(tmp_path / "shop", published.files)

    def refused(self, published: Published, path: Path) -> DataError:
        """The error of reading a path, which is complete and names a place in it."""
        with pytest.raises(DataError) as caught:
            read_folder(path, format=published.key)
        assert caught.value.what and caught.value.hint
        assert str(path.parent if path.is_file() else path) in caught.value.location
        return caught.value

    def test_it_alone_claims_its_folder_and_its_interactions(self, published: Published, folder: Path) -> None:
        (folder / "README.txt").write_text("read me")
        for path in (folder, folder / next(iter(published.files))):
            assert [reader.key for reader in all_readers() if reader.claims(path)] == [published.key]
        assert not published.reader.claims(folder / "README.txt")

    def test_the_folder_and_the_file_of_interactions_hold_the_shop(self, published: Published, folder: Path) -> None:
        for path in (folder, folder / next(iter(published.files))):
            for key in (None, published.key):
                dataset = read_folder(path, format=key)
                assert dict(dataset.items.schema) == ITEM_COLUMNS
                named = {
                    user: [dataset.titles[item] for item in dataset.history(index)]
                    for index, user in enumerate(dataset.user_ids)
                }
                assert named == {
                    user: [title + published.tail for title in titles] for user, titles in HISTORIES.items()
                }
                assert set(dataset.titles) == {title + published.tail for title in CLEAN}

    def test_the_same_data_give_the_same_dataset(self, published: Published, folder: Path) -> None:
        first = everything(read_folder(folder))
        assert everything(read_folder(folder)) == first
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == dict(published.files)

    def test_packed_files_and_names_in_capitals(self, published: Published, folder: Path, tmp_path: Path) -> None:
        whole = everything(read_folder(folder))
        capitals = {name.upper(): data for name, data in published.files.items()}
        assert everything(read_folder(put(tmp_path / "capitals", capitals))) == whole
        packed = {f"{name}.gz": data for name, data in published.files.items() if not name.endswith(".parquet")}
        if packed:
            assert everything(read_folder(put(tmp_path / "packed", packed))) == whole

    def test_what_is_not_of_the_format_is_refused(self, published: Published, tmp_path: Path) -> None:
        folder = put(tmp_path / "other", {"README.txt": b"read me"})
        assert not published.reader.claims(folder)
        self.refused(published, folder)
        self.refused(published, folder / "README.txt")

    def test_a_file_that_is_missing_or_empty(self, published: Published, folder: Path) -> None:
        for name, data in published.files.items():
            (folder / name).write_bytes(b"")
            self.refused(published, folder)
            (folder / name).unlink()
            self.refused(published, folder)
            (folder / name).write_bytes(data)

    def test_a_packed_file_that_is_cut_off(self, published: Published, tmp_path: Path) -> None:
        for name in published.files:
            if name.endswith(".parquet"):
                pytest.skip("it is not packed")
            packed = {own + ".gz" * (own == name): data for own, data in published.files.items()}
            folder = put(tmp_path / name, packed)
            complete = gzip.compress(published.files[name])
            for broken in (complete[:-12], complete[:5]):
                (folder / f"{name}.gz").write_bytes(broken)
                error = self.refused(published, folder)
                assert "cut off or damaged" in error.what
                assert f"{name}.gz" in error.location

    def test_text_in_latin_1_is_read_or_refused_with_its_line(self, published: Published, folder: Path) -> None:
        for name, data in published.files.items():
            if name.endswith(".parquet") or data.isascii():
                continue
            (folder / name).write_bytes(data.decode().encode("latin-1", "replace"))
            if published.latin:
                assert f"Bïrch{published.tail}" in read_folder(folder).titles
                continue
            error = self.refused(published, folder)
            assert "not UTF-8" in error.what
            assert f"{name}, line " in error.location
